// The board: hears the server, keeps the order, takes answers, and says so when it does not hear.

import { SIGNS, card, el, named, tell, tile, waits } from "/draw.js";

const HELD_MS = 4000; // while someone points, nothing moves under the pointer
const HELD_AT_MOST_MS = 20000;
const DEAF_MS = 10000; // the server says something every two seconds
const at = (id) => document.getElementById(id);
const patients = new Map();
const state = { open: new Set(), sent: new Map(), blind: new Set() };
const heard = { at: 0, offset: 0, words: null, waiting: "Connecting …", edition: null, unreadable: 0, first: true };
let touched = 0, ordered = 0;
let audio = null;

const now = () => Date.now() + heard.offset;

// Hearing.

function listen() {
  const stream = new EventSource("/live");
  stream.addEventListener("ward", (message) => {
    const here = JSON.parse(message.data);
    const names = new Set(here.map((one) => one.reference));
    for (const reference of patients.keys()) if (!names.has(reference)) patients.delete(reference);
    take(here);
    heard.first = false;
  });
  stream.addEventListener("patients", (message) => take(JSON.parse(message.data)));
  stream.addEventListener("pulse", (message) => pulse(JSON.parse(message.data)));
  stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && again(stream));
}

async function again(stream) {
  stream.close();
  try {
    const answer = await fetch("/", { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") return location.assign("/enter");
  } catch { /* The server is away: the banner says so. */ }
  setTimeout(listen, 2000);
}

function pulse(said) {
  heard.at = Date.now();
  heard.offset = Date.parse(said.at) - Date.now();
  if (heard.edition && heard.edition !== said.edition) location.reload();
  Object.assign(heard, { parts: said.parts, edition: said.edition, words: said.words, waiting: said.waiting, unreadable: said.unreadable });
  const blind = new Set(said.blind);
  const moved = blind.size !== state.blind.size || said.blind.some((one) => !state.blind.has(one));
  state.blind = blind;
  if (moved) for (const patient of patients.values()) patient.drawn = false;
  if (moved) draw();
  look();
}

function take(pictures) {
  heard.at = Date.now();
  const news = [];
  for (const picture of pictures) {
    const known = patients.get(picture.reference);
    if (picture.gone) {
      known?.element?.remove();
      patients.delete(picture.reference);
      continue;
    }
    const before = new Set(known ? known.picture.alerts.filter((one) => one.priority === "high" && waits(one)).map((one) => one.key) : []);
    const fresh = picture.alerts.filter((one) => one.priority === "high" && waits(one) && !before.has(one.key));
    if (fresh.length && !heard.first) news.push([picture, fresh]);
    for (const alert of picture.alerts) {
      if (state.sent.get(alert.key)?.startsWith("said") && !waits(alert)) state.sent.delete(alert.key);
    }
    patients.set(picture.reference, { picture, element: known?.element, drawn: false });
  }
  draw();
  for (const [patient, alerts] of news) say(`${SIGNS.high} New: ${named(patient)}: ${alerts[0].title}${alerts.length > 1 ? ` and ${alerts.length - 1} more` : ""}`);
  if (news.length) beep();
}

// Showing.

const rank = { high: 3, medium: 2, low: 1, technical: 1 };

function wanted(picture) {
  const unit = at("unit").value, least = at("priority").value;
  if (unit && (picture.unit || "?") !== unit) return false;
  if (!least) return true;
  if (least === "any") return picture.alerts.length > 0;
  return picture.alerts.some((one) => waits(one) && rank[one.priority] >= rank[least]);
}

function place(picture) {
  if (picture.has_left) return "left";
  return picture.grade || picture.astct_grade || picture.alerts.length || picture.monitoring === "stale" ? "ill" : "quiet";
}

function compare(one, other) {
  for (let i = 0; i < one.urgency.length; i += 1) if (one.urgency[i] !== other.urgency[i]) return other.urgency[i] - one.urgency[i];
  return name(one).localeCompare(name(other), undefined, { numeric: true });
}
const name = (picture) => `${picture.unit || "~"} ${picture.bed || "~"} ${picture.reference}`;

function draw() {
  for (const one of patients.values()) if (!one.drawn) drawOne(one);
  if (!holds()) order();
  fillUnits();
  count();
  times(document);
}

function drawOne(one) {
  const { picture } = one;
  const waiting = picture.alerts.filter(waits);
  const loudest = waiting.reduce((loud, alert) => Math.max(loud, rank[alert.priority]), 0);
  const open = state.open.has(picture.reference);
  const compact = place(picture) !== "ill" && !open;
  one.element ??= el("article", { "data-reference": picture.reference, "aria-labelledby": `p-${picture.reference}` });
  const focus = one.element.contains(document.activeElement) && document.activeElement.dataset.focus;
  one.element.className = `${compact ? "tile" : "card"} w${loudest}${state.blind.has(picture.partition) ? " unjudged" : ""}${open ? " open" : ""}`;
  one.element.replaceChildren(...(compact ? tile : card)(picture, state).filter(Boolean));
  if (focus) [...one.element.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focus)?.focus();
  one.drawn = true;
}

const holds = () => Date.now() - touched <= HELD_MS && Date.now() - ordered <= HELD_AT_MOST_MS;

function order() {
  ordered = Date.now();
  const groups = { ill: [], quiet: [], left: [] };
  for (const { picture } of patients.values()) groups[place(picture)].push(picture);
  let hidden = 0, loud = 0;
  for (const [id, pictures] of Object.entries(groups)) {
    const box = at(id);
    const shown = pictures.filter(wanted).sort(compare);
    const dropped = pictures.filter((picture) => !wanted(picture));
    hidden += dropped.length;
    loud += dropped.filter((picture) => picture.alerts.some((one) => waits(one) && one.priority === "high")).length;
    const keep = new Set(shown.map((picture) => patients.get(picture.reference).element));
    for (const child of [...box.children]) if (!keep.has(child)) child.remove();
    shown.forEach((picture, index) => {
      const { element } = patients.get(picture.reference);
      if (box.children[index] === element) return;
      const focused = element.contains(document.activeElement) ? document.activeElement : null;
      box.insertBefore(element, box.children[index] || null);
      focused?.focus({ preventScroll: true });
    });
    box.parentElement.hidden = shown.length === 0;
    at(`h-${id}`).dataset.count = shown.length;
  }
  at("empty").hidden = hidden > 0 || patients.size > 0 || Boolean(heard.waiting);
  at("hidden").hidden = hidden === 0;
  at("hidden").classList.toggle("loud", loud > 0);
  at("hidden").textContent = `Not shown by the choice above: ${hidden} ${hidden === 1 ? "patient" : "patients"}${loud ? `, ${loud} of them with a high alert that nobody has answered` : ""}.`;
}

function fillUnits() {
  const units = [...new Set([...patients.values()].map(({ picture }) => picture.unit || "?"))].sort();
  const select = at("unit"), chosen = select.value || localStorage.getItem("unit") || "";
  if (chosen && !units.includes(chosen)) units.push(chosen);
  if (select.dataset.units === units.join("\n")) return;
  select.dataset.units = units.join("\n");
  select.replaceChildren(el("option", { value: "" }, "all"), ...units.map((unit) => el("option", { value: unit }, unit === "?" ? "unknown" : unit)));
  select.value = chosen;
}

function count() {
  const here = [...patients.values()].map((one) => one.picture).filter((picture) => !picture.has_left && wanted(picture));
  const waiting = (priority) => here.reduce((sum, one) => sum + one.alerts.filter((alert) => waits(alert) && alert.priority === priority).length, 0);
  const graded = (grade) => here.filter((one) => one.grade === grade).length;
  at("counts").replaceChildren(
    ...["high", "medium"].map((priority) => el("li", { class: `sum ${priority}` }, `${SIGNS[priority]} `, el("b", {}, waiting(priority)), ` ${priority} waiting`)),
    ...[4, 3, 2, 1].map((grade) => el("li", { class: `sum g${grade}${graded(grade) ? "" : " zero"}` }, `grade ${grade}: `, el("b", {}, graded(grade)))),
    el("li", { class: "sum" }, el("b", {}, here.length), " patients"),
  );
  document.title = waiting("high") ? `(${waiting("high")}) CRS ward board` : "CRS ward board";
}

function look() {
  const deaf = Date.now() - heard.at > DEAF_MS;
  const words = deaf ? "This page does not hear its server." : heard.words;
  const blind = Boolean(words) && !(deaf && heard.at === 0 && performance.now() < DEAF_MS);
  const whole = deaf || state.blind.size === heard.parts;
  const banner = at("banner");
  if (banner.hidden === blind) banner.hidden = !blind;
  const said = blind ? `${words} What stands here may be old: watch the patients by hand.` : "";
  if (banner.children[1].textContent !== said) {
    banner.children[0].textContent = whole ? "This board is blind." : "A part of this board is blind.";
    banner.children[1].textContent = said;
  }
  document.body.classList.toggle("blind", blind && whole);
  const sight = at("sight");
  sight.className = `sight ${blind ? "bad" : heard.waiting ? "waiting" : "good"}`;
  const unread = heard.unreadable ? `, ${heard.unreadable} messages unreadable` : "";
  sight.children[1].textContent = blind ? "blind" : heard.waiting || `live${unread}`;
  at("clock").textContent = new Date(now()).toLocaleTimeString([], { hour12: false });
}

function times(root) {
  const moment = now();
  for (const time of root.querySelectorAll("time[data-as]")) tell(time, moment);
}

// Answering.

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

async function askName() {
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

function showName() {
  const by = sessionStorage.getItem("by");
  at("name").textContent = by ? `You: ${by}` : "Who are you?";
}

function say(words, bad = false) {
  const line = el("p", { class: bad ? "bad" : "" }, words);
  at("said").append(line);
  while (at("said").children.length > 3) at("said").firstChild.remove();
  setTimeout(() => line.remove(), 8000);
}

function beep() {
  if (!audio) return;
  const tone = audio.createOscillator(), volume = audio.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.2, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.6);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.6);
}

at("sound").addEventListener("click", () => {
  audio = audio ? (audio.close(), null) : new AudioContext();
  at("sound").setAttribute("aria-pressed", String(Boolean(audio)));
  at("sound").textContent = audio ? "Sound on" : "Sound off";
  if (audio) say("A soft sound with every new high alert. It is no alarm: do not rely on it.");
  beep();
});
at("name").addEventListener("click", askName);
for (const id of ["unit", "priority"]) {
  at(id).value = localStorage.getItem(id) || "";
  at(id).addEventListener("change", () => {
    localStorage.setItem(id, at(id).value);
    touched = 0;
    draw();
  });
}
for (const kind of ["pointermove", "pointerdown", "wheel", "touchmove", "keydown"]) {
  at("ward").addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
}
let held = false;
setInterval(() => {
  if (held && !holds()) draw();
  held = holds();
  times(document);
  look();
}, 1000);
showName();
listen();
