// Acknowledge and snooze: asks for the name and the minutes; each click has an id, so that a repeat is the same event.

import { el } from "/elements.js";
import { at, draw, patients, state } from "/ward.js";
import { named } from "/labels.js";

document.addEventListener("click", (click) => {
  const button = click.target.closest("[data-act]");
  if (!button) return;
  const reference = button.closest("[data-reference]").dataset.reference;
  if (button.dataset.act === "expand") return expand(reference);
  const alert = patients.get(reference)?.picture.alerts.find((one) => one.key === button.dataset.alert);
  if (alert) answer(reference, alert, button.dataset.act);
});

function expand(reference) {
  if (!state.open.delete(reference)) state.open.add(reference);
  const one = patients.get(reference);
  one.drawn = false;
  draw();
}

async function answer(reference, alert, act) {
  const by = sessionStorage.getItem("by") || (await askName());
  if (!by) return;
  const asked = act === "snooze" ? await askQuiet(patients.get(reference).picture, alert) : {};
  if (!asked) return;
  const body = JSON.stringify({ alert: alert.key, act, by, click: crypto.randomUUID(), ...asked });
  mark(reference, alert.key, "saying …");
  for (let tries = 1; ; tries += 1) {
    let status = 0, words = "The server does not answer.";
    try {
      const got = await fetch("/answers", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      [status, words] = [got.status, (await got.text()).trim()];
    } catch { /* Tried again below: the same click is one event however often it comes. */ }
    if (status === 202) return mark(reference, alert.key, "said, waiting for the judgement …");
    if (status === 401) return location.assign("/enter");
    if ((status === 0 || status >= 500) && tries < 3) continue;
    mark(reference, alert.key, null);
    return say(words, true);
  }
}

function mark(reference, key, words) {
  if (words) state.sent.set(key, words);
  else state.sent.delete(key);
  if (words?.startsWith("said")) setTimeout(() => state.sent.get(key) === words && mark(reference, key, null), 15000);
  const one = patients.get(reference);
  if (!one) return;
  one.drawn = false;
  draw();
}

function dialog(id) {
  const box = at(id);
  box.returnValue = "";
  box.showModal();
  return new Promise((resolve) => box.addEventListener("close", () => resolve(box.returnValue === "ok" ? new FormData(box.querySelector("form")) : null), { once: true }));
}

export async function askName() {
  const form = await dialog("ask-name");
  const by = form?.get("by").trim();
  if (by) sessionStorage.setItem("by", by);
  showName();
  return by;
}

async function askQuiet(patient, alert) {
  document.querySelector("#ask-quiet .about").textContent = `${named(patient)}: ${alert.title}`;
  document.querySelector("#ask-quiet [name=reason]").value = "";
  const form = await dialog("ask-quiet");
  return form && { minutes: Number(form.get("minutes")), reason: form.get("reason").trim() };
}

export function showName() {
  const by = sessionStorage.getItem("by");
  at("name").textContent = by ? `You: ${by}` : "Who are you?";
}

export function say(words, bad = false) {
  const line = el("p", { class: bad ? "bad" : "" }, words);
  at("said").append(line);
  while (at("said").children.length > 3) at("said").firstChild.remove();
  setTimeout(() => line.remove(), 8000);
}
