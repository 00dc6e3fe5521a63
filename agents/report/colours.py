"""The colours of the report: distinguishable with any colour vision, darker when worse, never the only sign."""

from __future__ import annotations

GRADE = {0: "#e6eaee", 1: "#fbe9a0", 2: "#f2a541", 3: "#c8452f", 4: "#7a2a6b", 5: "#1d1d1f"}
ON_GRADE = {0: "#4a5560", 1: "#3d3410", 2: "#2c1c00", 3: "#ffffff", 4: "#ffffff", 5: "#ffffff"}
PRIORITY = {"high": "#b3261e", "medium": "#c77700", "low": "#1f6fb2", "technical": "#6b7680"}
SYMBOL = {"high": "triangle-up", "medium": "diamond", "low": "circle", "technical": "square"}
DEVICE = {
    "room_air": "#eef2f5",
    "nasal_cannula": "#cfe3f3",
    "blow_by": "#cfe3f3",
    "high_flow_nasal_cannula": "#8fbfe0",
    "face_mask": "#8fbfe0",
    "venturi": "#8fbfe0",
    "non_rebreather": "#5b9bc9",
    "tracheostomy_mask": "#5b9bc9",
    "cpap": "#2f6f9f",
    "bipap": "#2f6f9f",
    "invasive_ventilation": "#153f61",
    "ecmo": "#153f61",
    "unknown": "#b9a6c9",
}
ON_DEVICE = {"cpap": "#ffffff", "bipap": "#ffffff", "invasive_ventilation": "#ffffff", "ecmo": "#ffffff"}
DRUG = ("#0b6e4f", "#8a4fb0", "#b5541c", "#2f6f9f", "#8c6d00", "#5a6570")
TEMPERATURE = "#b5371c"
SYSTOLIC = "#1b3a5c"
MEAN = "#4c8fc4"
SATURATION = "#0b7a75"
FLOW = "#2f6f9f"
FRACTION = "#8a4fb0"
TOCILIZUMAB = "#0b6e4f"
INK = "#22303c"
FAINT = "#8a96a1"
GRID = "#e9edf1"
LIMIT = "#b3261e"
