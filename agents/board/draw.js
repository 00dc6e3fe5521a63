// Turns the server's data about one patient into elements: a card, or a small tile.

import { details, observed, why } from "/details.js";
import { el, when } from "/elements.js";
import { AXES, SIGNS, gradeWords, isLoud, named, shownGrades, title, waits } from "/labels.js";

const narrow = matchMedia("(max-width: 820px)");
const shortly = () => (narrow.matches ? 1 : 3); // alerts on a card that is not open
const SHORT = ["temperature", "systolic pressure", "SpO2"];

export function card(patient, state) {
  const open = state.open.has(patient.reference);
  const id = `p-${patient.reference}`;
  return [
    badge(patient),
    el("div", { class: "who" },
      el("h3", { id },
        el("button", { type: "button", class: "expand", "aria-expanded": String(open), "data-focus": "expand", "data-act": "expand" },
          title(patient), el("small", {}, patient.unit || "unit unknown"))),
      el("p", { class: "ref" }, "ref ", el("code", {}, patient.reference), patient.patient_id && ` · ${patient.patient_id}`),
      el("p", { class: "course" }, course(patient)),
      tags(patient, state)),
    el("div", { class: "axes" }, patient.axes.map((axis) => axisTile(axis))),
    tocilizumab(patient),
    el("div", { class: "alerts" }, alerts(patient, state, open)),
    open && details(patient),
  ];
}

export function tile(patient, state) {
  const open = state.open.has(patient.reference);
  if (open) return card(patient, state);
  return [
    badge(patient),
    el("div", { class: "who" },
      el("h3", { id: `p-${patient.reference}` }, el("button", { type: "button", class: "expand", "aria-expanded": "false", "data-focus": "expand", "data-act": "expand" },
        title(patient), el("small", {}, patient.unit || "unit unknown"))),
      el("p", { class: "brief" }, SHORT.map((name) => vital(patient, name))),
      patient.floor && el("p", { class: "unknown" }, `unknown: ${patient.unknown.join(", ")}`),
      tags(patient, state)),
  ];
}

function vital(patient, name) {
  const one = patient.latest.find((each) => each.name === name);
  if (one.value === null) return el("span", { class: "unknown" }, `${name} unknown`);
  return el("span", { title: name }, `${one.value} ${one.unit}`);
}

function badge(patient) {
  const others = shownGrades(patient);
  const shown = patient.floor ? `≥${patient.grade}` : String(patient.grade);
  return el("div", { class: `grade g${patient.grade}${patient.floor ? " floor" : ""}` },
    el("span", { class: "sr" }, gradeWords(patient)),
    el("b", { "aria-hidden": "true" }, shown),
    ...others.map((one) => el("small", { "aria-hidden": "true" }, `${one.short} ${patient.floor ? "≥" : ""}${one.grade}`)),
    !others.length && patient.floor && el("small", { "aria-hidden": "true" }, "floor"));
}

function course(patient) {
  if (!patient.grade) {
    return patient.episode ? [`no CRS now; episode ${patient.episode} reached grade ${patient.peak_grade}`] : ["no CRS found"];
  }
  return [
    el("span", {}, `grade ${patient.grade} `, when(patient.grade_since, "for")),
    el("span", {}, "CRS ", when(patient.onset_at, "for"), patient.peak_grade > patient.grade && `, peak ${patient.peak_grade}`),
  ];
}

function tags(patient, state) {
  const found = [
    state.blind.has(patient.partition) && ["bad", "not being judged now"],
    patient.monitoring === "stale" && ["bad", "no vitals arriving"],
    patient.goes_on_as && ["", `goes on as ${patient.goes_on_as}`],
    patient.monitoring === "discharged" && !patient.goes_on_as && ["", "discharged or died"],
    ...shownGrades(patient).map((one) => ["warn", `${one.scale}: grade ${one.grade}`]),
    patient.basis !== "fever" && patient.basis !== "none" && ["warn", patient.basis_words],
    patient.held && ["", "signs are less now; the grade is held until that lasts"],
    patient.high_risk && ["", "high risk"],
  ].filter(Boolean);
  const running = patient.supports.filter((one) => one.kind === "infusion").map((one) => ["run", one.what]);
  const all = [...found, ...running];
  return all.length > 0 && el("ul", { class: "tags" }, all.map(([kind, words]) => el("li", { class: kind }, words)));
}

function axisTile(axis) {
  const colour = axis.grade === null ? "none" : axis.is_finding ? axis.grade : 0;
  const [first, second] = axis.evidence;
  return el("div", { class: `axis a${colour}${axis.left_out ? " out" : ""}` },
    el("p", {}, el("span", {}, AXES[axis.name]), el("b", {}, axis.words), axis.left_out && el("small", {}, " left out")),
    first ? el("p", { class: "rests" }, observed(first)) : el("p", { class: "unknown" }, axis.grade === null ? "no data: not normal" : "nothing on record"),
    second && el("p", { class: "rests second" }, observed(second)));
}

function tocilizumab(patient) {
  const toci = patient.tocilizumab;
  const of = (count, most) => (most === null ? String(count) : `${count} of ${most}`);
  return el("div", { class: `toci${patient.grade ? "" : " idle"}` },
    el("p", {}, el("span", {}, "Tocilizumab"), el("b", {}, next(toci))),
    el("p", {}, `${of(toci.count_24h, toci.most_24h)} in 24 h`, el("br"), `${of(toci.count_total, toci.most_total)} in the episode`),
    toci.last_at && el("p", {}, "last ", when(toci.last_at, "clock"), ", ", when(toci.last_at, "ago")),
    el("p", { class: toci.dose ? "" : "unknown" }, toci.dose ? `dose by weight: ${toci.dose}` : "dose unknown: no weight"));
}

function next(toci) {
  if (toci.blocked_by && !toci.next_at) return toci.blocked_words;
  if (toci.next_at) return ["next ", when(toci.next_at, "until")];
  return toci.count_24h || toci.count_total ? "interval is over" : "none given";
}

function alerts(patient, state, open) {
  if (!patient.alerts.length) return el("p", { class: "faint" }, "no open alerts");
  const most = open ? patient.alerts.length : shortly();
  const rest = patient.alerts.slice(most);
  const loud = rest.filter(isLoud).length;
  return [
    el("ul", { "aria-label": `Open alerts of ${named(patient)}` }, patient.alerts.slice(0, most).map((alert, index) => alertLine(alert, state, open, index === 0))),
    rest.length > 0 && el("button", { type: "button", class: loud ? "link loud" : "link", "data-act": "expand", "data-focus": "more" },
      `${rest.length} more${loud ? `, ${loud} of them high and waiting` : ""}`),
  ];
}

function alertLine(alert, state, open, first) {
  const waiting = waits(alert);
  return el("li", { class: `alert ${alert.priority}${waiting ? "" : " answered"}` },
    el("p", { class: "head" },
      el("span", { class: "sign" }, `${SIGNS[alert.priority]} `, el("span", {}, alert.priority)), " ",
      el("b", {}, alert.title), " ", when(alert.told_at, "ago")),
    (open || (first && waiting && !alert.recommendation)) && el("p", { class: open ? "message" : "message short" }, alert.message || "The words of this alert have not been read yet."),
    (open || (first && waiting)) && alert.recommendation && el("p", { class: open ? "do" : "do short" }, recommendation(alert.recommendation, open)),
    answered(alert),
    open && why(alert),
    el("p", { class: "answers" }, answers(alert, state)));
}

function answers(alert, state) {
  const sent = state.sent.get(alert.key);
  if (sent) return el("span", { class: "faint" }, sent);
  const button = (act, words) =>
    el("button", { type: "button", "data-act": act, "data-alert": alert.key, "data-focus": `${act} ${alert.key}`, "aria-label": `${words}: ${alert.title}` }, words);
  return [!alert.acknowledged_at && button("acknowledge", "Seen"), waits(alert) && button("snooze", "Quiet …")];
}

function answered(alert) {
  if (alert.acknowledged_at) return el("p", { class: "faint" }, "✓ ", alert.reason || "seen", ", ", when(alert.acknowledged_at, "clock"));
  if (alert.quiet_until) return el("p", { class: "faint" }, "quiet until ", when(alert.quiet_until, "clock"), alert.reason && `: ${alert.reason}`);
  return null;
}

function recommendation(one, open) {
  const drug = one.drug && `${one.drug}${one.dose_mg === null ? "" : ` ${one.dose_mg} mg`}`;
  return [
    "→ ", one.action, drug && !one.action.includes(one.drug) && `: ${drug}`,
    one.dose_basis && ` (${one.dose_basis})`,
    one.not_before && [", not before ", when(one.not_before, "clock")],
    open && one.limits && `; ${one.limits}`,
  ].flat().filter(Boolean);
}
