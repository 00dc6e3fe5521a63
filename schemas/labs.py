"""Laboratory values, as an event of their own: the sample's time, each value with a fixed unit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.field_types import (
    AltUPerL,
    BilirubinMgPerDl,
    CreatinineMgPerDl,
    CrpMgPerL,
    FerritinUgPerL,
    FibrinogenMgPerDl,
    HaemoglobinGPerDl,
    LactateMmolPerL,
    LdhUPerL,
    NeutrophilsPerUl,
    NotNegative,
    PlateletsPerNl,
)
from schemas.patient_event import Correctable
from schemas.signals import signals_of


class Labs(Correctable):
    """Laboratory values of one sample: at least one (a void may carry none). A field with a title is a value.

    `effective_at` is when the sample was taken. The order of the values is part of the row format: new ones go last.
    """

    type: Literal["labs"] = Field("labs", description="Laboratory values.")
    device_id: str | None = Field(None, max_length=128, description="The analyser or laboratory.")
    neutrophils_per_ul: NeutrophilsPerUl | None = Field(
        None, title="neutrophils", description="Absolute neutrophil count, /µl."
    )
    platelets_per_nl: PlateletsPerNl | None = Field(None, title="platelets", description="Platelets, /nl (10⁹/l).")
    haemoglobin_g_per_dl: HaemoglobinGPerDl | None = Field(None, title="haemoglobin", description="Haemoglobin, g/dl.")
    ferritin_ug_per_l: FerritinUgPerL | None = Field(None, title="ferritin", description="Ferritin, µg/l.")
    crp_mg_per_l: CrpMgPerL | None = Field(None, title="CRP", description="C-reactive protein, mg/l.")
    fibrinogen_mg_per_dl: FibrinogenMgPerDl | None = Field(None, title="fibrinogen", description="Fibrinogen, mg/dl.")
    ldh_u_per_l: LdhUPerL | None = Field(None, title="LDH", description="Lactate dehydrogenase, U/l.")
    alt_u_per_l: AltUPerL | None = Field(None, title="ALT", description="Alanine aminotransferase, U/l.")
    bilirubin_mg_per_dl: BilirubinMgPerDl | None = Field(None, title="bilirubin", description="Total bilirubin, mg/dl.")
    creatinine_mg_per_dl: CreatinineMgPerDl | None = Field(None, title="creatinine", description="Creatinine, mg/dl.")
    lactate_mmol_per_l: LactateMmolPerL | None = Field(None, title="lactate", description="Lactate, mmol/l.")
    upper_limits: dict[str, NotNegative] | None = Field(
        None, description="The laboratory's upper limits: field to number, in the field's unit; else the ward file's."
    )
    below_detection: tuple[str, ...] | None = Field(
        None, description="Fields whose value is the limit of detection: the true one is below it."
    )


LAB_VALUES = signals_of(Labs)
