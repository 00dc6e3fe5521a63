// The list of patients: which group each belongs to, in which order, and how many the filters hide.

import { card, tile } from "/draw.js";
import { el, tell } from "/elements.js";
import { RANK, SIGNS, isLoud, waits } from "/labels.js";

const HELD_MS = 4000; // while someone uses the pointer no card moves, so that no click hits another patient
const HELD_AT_MOST_MS = 20000;
export const at = (id) => document.getElementById(id);
export const patients = new Map();
export const state = { open: new Set(), sent: new Map(), blind: new Set(), waiting: "Connecting …", offset: 0 };
let touched = 0, ordered = 0;

export const now = () => Date.now() + state.offset;

export function touch(moment = Date.now()) {
  touched = moment;
}

function wanted(picture) {
  const unit = at("unit").value, least = at("priority").value;
  if (unit && (picture.unit || "?") !== unit) return false;
  if (!least) return true;
  if (least === "any") return picture.alerts.length > 0;
  return picture.alerts.some((one) => waits(one) && one.rank >= RANK[least]);
}

function place(picture) {
  if (picture.has_left) return "left";
  return picture.grade || picture.other_grades.some((one) => one.grade) || picture.alerts.length || picture.monitoring === "stale" ? "ill" : "quiet";
}

function compare(one, other) {
  for (let i = 0; i < one.urgency.length; i += 1) if (one.urgency[i] !== other.urgency[i]) return other.urgency[i] - one.urgency[i];
  return name(one).localeCompare(name(other), undefined, { numeric: true });
}
const name = (picture) => `${picture.unit || "~"} ${picture.bed || "~"} ${picture.reference}`;

export function draw() {
  for (const one of patients.values()) if (!one.drawn) drawOne(one);
  if (!holds()) order();
  fillUnits();
  count();
  times(document);
}

function drawOne(one) {
  const { picture } = one;
  const waiting = picture.alerts.filter(waits);
  const loudest = waiting.reduce((loud, alert) => Math.max(loud, alert.rank), 0);
  const open = state.open.has(picture.reference);
  const compact = place(picture) !== "ill" && !open;
  one.element ??= el("article", { "data-reference": picture.reference, "aria-labelledby": `p-${picture.reference}` });
  const focus = one.element.contains(document.activeElement) && document.activeElement.dataset.focus;
  one.element.className = `${compact ? "tile" : "card"} w${loudest}${state.blind.has(picture.partition) ? " unjudged" : ""}${open ? " open" : ""}`;
  one.element.replaceChildren(...(compact ? tile : card)(picture, state).filter(Boolean));
  if (focus) [...one.element.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focus)?.focus();
  one.drawn = true;
}

export const holds = () => Date.now() - touched <= HELD_MS && Date.now() - ordered <= HELD_AT_MOST_MS;

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
    loud += dropped.filter((picture) => picture.alerts.some(isLoud)).length;
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
  at("empty").hidden = hidden > 0 || patients.size > 0 || Boolean(state.waiting);
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

export function count() {
  const here = [...patients.values()].map((one) => one.picture).filter((picture) => !picture.has_left && wanted(picture));
  const waiting = (priority) => here.reduce((sum, one) => sum + one.alerts.filter((alert) => waits(alert) && alert.rank === RANK[priority]).length, 0);
  const graded = (grade) => here.filter((one) => one.grade === grade).length;
  at("counts").replaceChildren(
    ...["high", "medium"].map((priority) => el("li", { class: `sum ${priority}` }, `${SIGNS[priority]} `, el("b", {}, waiting(priority)), ` ${priority} waiting`)),
    ...[4, 3, 2, 1].map((grade) => el("li", { class: `sum g${grade}${graded(grade) ? "" : " zero"}` }, `grade ${grade}: `, el("b", {}, graded(grade)))),
    el("li", { class: "sum" }, el("b", {}, here.length), " patients"),
  );
  const loud = waiting("high") ? `(${waiting("high")}) ` : "";
  document.title = document.body.classList.contains("blind") ? "BLIND: CRS ward board" : `${loud}CRS ward board`;
}

export function times(root) {
  const moment = now();
  for (const time of root.querySelectorAll("time[data-as]")) tell(time, moment);
}
