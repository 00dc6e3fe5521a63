// Labels and small rules that several parts of the page share.

export const SIGNS = { high: "▲", medium: "◆", low: "●", technical: "■" };
export const AXES = { fever: "Fever", hypotension: "Blood pressure", hypoxia: "Oxygen" };

export const title = (patient) => (patient.bed ? `Bed ${patient.bed}` : "Bed unknown");

// Several patients may have no bed: the reference tells them apart.
export const named = (patient) => (patient.bed ? title(patient) : `${title(patient)}, ref ${patient.reference}`);

export const RANK = { high: 3, medium: 2 };
export const waits = (alert) => !alert.acknowledged_at && !alert.quiet_until;
// High, or ranked like it: the alert that a patient is not being judged.
export const isLoud = (alert) => waits(alert) && alert.rank === RANK.high;

export function gradeWords(patient) {
  const least = patient.floor ? "at least " : "";
  const own = patient.grade ? `grade ${least}${patient.grade}` : patient.floor ? "no CRS found, not all is known" : "no CRS";
  return [own, ...shownGrades(patient).map((one) => `${one.scale}: grade ${least}${one.grade}`)].join("; ");
}

// The grades on other scales that are to be shown: of CRS where they differ, of anything else from 1 on.
export const shownGrades = (patient) => patient.other_grades.filter((one) => one.shown);
