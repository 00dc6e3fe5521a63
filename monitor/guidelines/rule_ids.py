"""The names of all rules. Every alert names its rule, and every profile gives the source of each rule."""

from __future__ import annotations

# Rules that ask for a dose of tocilizumab now. `dose-consider` (grade 1) only asks to consider one.
DOSE_DUE_RULES = frozenset({"dose-first", "dose-delay", "dose-repeat"})
RULES = frozenset(
    {
        "onset",
        "escalation",
        "masked-fever",
        "dose-first",
        "dose-consider",
        "dose-delay",
        "dose-repeat",
        "dose-limit",
        "dose-interval",
        "dose-safety",
        "step-dexamethasone-q12h",
        "step-grade-3",
        "step-grade-4",
        "step-antifungal",
        "step-antibiotics",
        "step-work-up",
        "step-telemetry",
        "no-improvement-grade-2",
        "refractory-grade-3",
        "refractory-alternatives",
        "neuro",
        "organ-function",
        "review-signs-without-fever",
        "review-late-fever",
        "review-reopened",
        "recovery",
        "signal-lost",
        "data-weight",
        "data-infusion",
        "data-merge",
        "data-dose-twice",
        "data-implausible",
        "data-clock",
        "unmonitored",
    }
)
