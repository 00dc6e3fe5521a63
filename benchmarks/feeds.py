"""Benchmark: messages a second from HL7 v2 and FHIR to events, beside what libraries need to parse alone.

Run it with `python -m benchmarks.feeds`, or with all the others by `make bench`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time

import hl7

from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.translate import Translation
from agents.feeds.hl7.message import parse
from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.settings import load_settings

MESSAGES, ROUNDS = 4_000, 3
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
# A bedside monitor once a second, as IHE PCD-01 has it: device, subsystem and channel rows, and seven signals.
PCD_01 = "\r".join(
    (
        r"MSH|^~\&|MON^080019FFFE4F4E8A^EUI-64|ICU|EHR|H|{at}+0000||ORU^R01^ORU_R01|{number}|P|2.6|||NE|AL|||||"
        "IHE_PCD_ORU_R01^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO",
        "PID|||{patient}^^^MERCY^MR||DOE^JANE",
        "PV1||I|ICU^101^A",
        "OBR|1||X{number}|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||{at}+0000",
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON1^^0012^EUI-64",
        "OBX|2||69798^MDC_DEV_ECG_VMD^MDC|1.1.0.0|||||||X",
        "OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|{rate}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R",
        "OBX|4|NM|151562^MDC_RESP_RATE^MDC|1.1.2.1|17|264928^MDC_DIM_RESP_PER_MIN^MDC|||||R",
        "OBX|5|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|96|262688^MDC_DIM_PERCENT^MDC|||||R",
        "OBX|6|NM|150037^MDC_PRESS_BLD_ART_ABP_SYS^MDC|1.3.1.1|118|266016^MDC_DIM_MMHG^MDC|||||R",
        "OBX|7|NM|150038^MDC_PRESS_BLD_ART_ABP_DIA^MDC|1.3.1.2|70|266016^MDC_DIM_MMHG^MDC|||||R",
        "OBX|8|NM|150039^MDC_PRESS_BLD_ART_ABP_MEAN^MDC|1.3.1.3|86|266016^MDC_DIM_MMHG^MDC|||||R",
        "OBX|9|NM|150344^MDC_TEMP^MDC|1.4.1.1|37.4|268192^MDC_DIM_DEGC^MDC|||||R",
    )
)


def pcd_01(number: int) -> bytes:
    """One message of one of 40 patients."""
    at = (BEGIN + timedelta(seconds=number)).strftime("%Y%m%d%H%M%S")
    return PCD_01.format(at=at, number=number, patient=number % 40, rate=60 + number % 60).encode()


def observation(number: int) -> bytes:
    """A blood pressure as FHIR."""
    systolic, diastolic = (
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": 90, "code": unit},
        }
        for code, unit in (("8480-6", "mm[Hg]"), ("8462-4", "mm[Hg]"))
    )
    return json.dumps(
        {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            "subject": {"reference": f"Patient/{number % 40}"},
            "effectiveDateTime": (BEGIN + timedelta(seconds=number)).isoformat(),
            "component": [systolic, diastolic],
        }
    ).encode()


def per_second(messages: list[bytes], prepare: Callable[[], Callable[[bytes], object]]) -> float:
    """Messages a second of one core, of the best round; `prepare` gives a fresh translation."""
    best = 0.0
    for _ in range(ROUNDS):
        call = prepare()
        begun = process_time()
        for raw in messages:
            call(raw)
        best = max(best, len(messages) / (process_time() - begun))
    return best


def main() -> None:
    """Prints one line for each format."""
    settings = load_settings()
    monitor, resources = ([make(number) for number in range(MESSAGES)] for make in (pcd_01, observation))

    def fresh_hl7() -> Callable[[bytes], object]:
        memory = Memory()
        return lambda raw: translate(raw, settings, memory)

    def fresh_fhir() -> Callable[[bytes], object]:
        return Translation(settings, Memory(), Directory()).translate

    assert len(translate(monitor[0], settings, Memory()).events) == 1
    print(f"HL7 PCD-01 of {len(monitor[0])} bytes, translated {per_second(monitor, fresh_hl7):9,.0f} messages/s")
    print(f"  our reader alone                     {per_second(monitor, lambda: parse):9,.0f} messages/s")
    few = monitor[: MESSAGES // 10]
    library = per_second(few, lambda: lambda raw: hl7.parse(raw.decode()))
    print(f"  library hl7, parsing alone           {library:9,.0f} messages/s")
    print(f"FHIR Observation, translated           {per_second(resources, fresh_fhir):9,.0f} resources/s")


if __name__ == "__main__":
    main()
