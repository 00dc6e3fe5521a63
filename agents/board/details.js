// The details of an open card: evidence, doses, supports, and the rule of each alert.

import { el, when } from "/elements.js";
import { AXES, gradeWords } from "/labels.js";

export function why(alert) {
  return el("dl", { class: "why" },
    el("div", {}, el("dt", {}, "Rests on"), el("dd", {}, alert.evidence.length ? el("ul", {}, alert.evidence.map(observation)) : "nothing that was read")),
    alert.unknown.length > 0 && el("div", {}, el("dt", {}, "Unknown"), el("dd", { class: "unknown" }, `${alert.unknown.join(", ")}: the grade is a floor`)),
    el("div", {}, el("dt", {}, "Rule"), el("dd", {}, el("code", {}, alert.rule), alert.rule_of && ` (${alert.rule_of})`, alert.source && el("br"), alert.source)),
    el("div", {}, el("dt", {}, "True since"), el("dd", {}, when(alert.since, "clock"), " · alert ", el("code", {}, alert.key))));
}

// An age or another fact without a time of its own has none here either.
export const observed = (one) => [one.what, " ", one.at && when(one.at, "clock")];
const observation = (one) => el("li", {}, observed(one), one.injected && el("em", {}, " injected by the demonstration"));

export function details(patient) {
  return el("div", { class: "details" },
    el("section", {}, el("h4", {}, "Latest"), el("dl", { class: "latest" },
      patient.latest.map((one) => el("div", {}, el("dt", {}, one.name),
        el("dd", {}, one.value === null ? el("span", { class: "unknown" }, "unknown") : [`${one.value} ${one.unit || ""}`, el("small", {}, `${one.source} `, when(one.at, "ago"))]))),
      el("div", {}, el("dt", {}, "oxygen support"), el("dd", {}, patient.oxygen ? [patient.oxygen.what, el("small", {}, "charted ", when(patient.oxygen.charted_at, "ago"))] : el("span", { class: "unknown" }, "unknown"))))),
    el("section", {}, el("h4", {}, "What the grade rests on"),
      el("p", {}, `By ${patient.profile}: ${gradeWords(patient)}. ${patient.basis_words}.`),
      patient.floor && el("p", { class: "unknown" }, `Unknown: ${patient.unknown.join(", ")}. The grade is a floor; missing is never normal.`),
      patient.axes.map((axis) => el("div", {}, el("h5", {}, AXES[axis.name], axis.since && [" since ", when(axis.since, "clock")]),
        axis.attribution && el("p", { class: "faint" }, axis.attribution),
        axis.evidence.length ? el("ul", {}, axis.evidence.map(observation)) : el("p", { class: "unknown" }, "no data")))),
    el("section", {}, el("h4", {}, "Doses and supports"),
      patient.doses.length ? el("ul", {}, patient.doses.map((one) => el("li", {}, one.what, " ", when(one.at, "clock"),
        one.grade !== null && `, at grade ${one.grade}`, one.indication && `, for ${one.indication}`, one.injected && el("em", {}, " injected by the demonstration")))) : el("p", { class: "faint" }, "no tracked drug in this episode"),
      patient.supports.length ? el("ul", {}, patient.supports.map((one) => el("li", {}, one.what, " ", when(one.since, "for"), el("small", {}, "charted ", when(one.charted_at, "ago"))))) : el("p", { class: "faint" }, "no infusion and no oxygen on record")),
    el("section", {}, el("h4", {}, "Patient"), el("dl", { class: "latest" },
      fact("product", patient.product), fact("infused", patient.infused_at && when(patient.infused_at, "clock")),
      fact("weight", patient.weight_kg && `${Math.round(patient.weight_kg * 10) / 10} kg`), fact("age", patient.age_years !== null && `${Math.floor(patient.age_years)} years`),
      fact("neutrophils", patient.neutrophils_per_ul !== null && `${patient.neutrophils_per_ul} /µl`),
      fact("high risk", patient.high_risk === null ? null : patient.high_risk ? "yes" : "no"), fact("infection work-up", patient.infection_workup)),
      patient.reminders.map((words) => el("p", {}, "Every day: ", words)),
      el("p", { class: "faint" }, "State as of ", when(patient.as_of, "clock"), ", ", when(patient.as_of, "ago"))));
}

const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value || el("span", { class: "unknown" }, "unknown")));
