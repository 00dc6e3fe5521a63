"""What feeds write for a drug, and what it must be to us: both ways, what counts and what must not."""

import pytest

from monitor.guidelines.formulary_loader import load, parse
from monitor.guidelines.formulary_lookup import ROLES, FormularyError, is_systemic

FORMULARY = load()

# Text of a feed | ingredients, in their order | why
COUNTS = """
    tocilizumab                              | tocilizumab                | the generic name always works
    tocilizumab-aazg                         | tocilizumab                | biosimilar by its suffix
    TOCILIZUMAB-BAVI 80 MG/4 ML IV SOLN      | tocilizumab                | biosimilar, shouted
    tocilizumab-anoh                         | tocilizumab                | biosimilar
    tocilizumab-xxxx                         | tocilizumab                | a biosimilar licensed tomorrow
    RoActemra                                | tocilizumab                | brand abroad
    Tyenne 162 mg/0.9 mL                     | tocilizumab                | brand of a biosimilar
    Tofidence                                | tocilizumab                | brand of a biosimilar
    Avtozma                                  | tocilizumab                | brand of a biosimilar
    RXNORM:612865                            | tocilizumab                | verified code
    rxnorm|612865                            | tocilizumab                | as FHIR bundles flatten it
    612865                                   | tocilizumab                | verified code, bare
    Sylvant                                  | siltuximab                 | never counted as tocilizumab
    RXNORM:1535218 siltuximab                | siltuximab                 | unverified code beside its name
    anakinra (Kineret) 100 mg                | anakinra                   | name and brand are one drug
    Jakafi                                   | ruxolitinib                | brand
    acetaMINOPHEN 325 MG TAB                 | acetaminophen              | tall-man letters
    Acetaminophen IV                         | acetaminophen              | -
    Acetaminophen (Liquid)                   | acetaminophen              | -
    Acetaminophen-IV                         | acetaminophen              | -
    acetaminophen suppository 650 mg         | acetaminophen              | a suppository reaches the circulation
    acetaminophen infant drops               | acetaminophen              | drops to swallow
    paracetamol 10 mg/ml (1%) infusion       | acetaminophen              | 1 % is the intravenous strength
    TYLENOL                                  | acetaminophen              | brand
    500 mg acetaminophen                     | acetaminophen              | a leading number is a strength, not a code
    Oxycodone-Acetaminophen                  | oxycodone, acetaminophen   | a combination is all its ingredients
    HYDROcodone-Acetaminophen                | hydrocodone, acetaminophen | a combination
    Acetaminophen-Caff-Butalbital            | acetaminophen, butalbital  | caffeine is nothing to us
    Percocet                                 | oxycodone, acetaminophen   | brand of a combination
    Advil Liqui-Gel                          | ibuprofen                  | a gel that is swallowed
    Ketorolac 30 mg IV                       | ketorolac                  | -
    diclofenac 50 mg PO                      | diclofenac                 | -
    Metamizole                               | metamizole                 | -
    acetylsalicylic acid                     | aspirin                    | -
    dexamethasone                            | dexamethasone              | -
    Dexamethasone Sod Phosphate 4 mg/mL      | dexamethasone              | salt
    MethylPREDNISolone Sodium Succ           | methylprednisolone         | not prednisolone
    Methyl-Prednisolone                      | methylprednisolone         | not prednisolone, with a hyphen
    Solu-Medrol                              | methylprednisolone         | brand
    Hydrocortisone Na Succ.                  | hydrocortisone             | -
    PredniSONE                               | prednisone                 | not prednisolone
    prednisoLONE 5 mg tab                    | prednisolone               | not prednisone
    Norepinephrine (ml/hr)                   | norepinephrine             | never epinephrine
    Norepinephrine ()                        | norepinephrine             | -
    Noradrenaline                            | norepinephrine             | never adrenaline
    nor-epinephrine                          | norepinephrine             | the hyphen makes no epinephrine
    Levophed 8 mg in sodium chloride 0.9 %   | norepinephrine             | what it is dissolved in is no bolus
    Epinephrine (mg/kg/min)                  | epinephrine                | -
    Adrenaline                               | epinephrine                | -
    PHENYLEPHrine                            | phenylephrine              | -
    dopamine                                 | dopamine                   | -
    Giapreza                                 | angiotensin ii             | -
    angiotensin                              | angiotensin ii             | CLIF's category word, alone
    angiotensin II                           | angiotensin ii             | -
    ePHEDrine sulfate 50 mg/mL               | ephedrine                  | push dose
    Vasopressin                              | vasopressin                | counted apart
    argipressin                              | vasopressin                | its international name
    desmopressin                             | desmopressin               | known, and not vasopressin
    Dobutamine                               | dobutamine                 | inotrope
    milrinone                                | milrinone                  | inotrope
    midodrine                                | midodrine                  | not an infusion
    normal saline                            | normal saline              | -
    NaCl 0.9%                                | normal saline              | -
    Sodium Chloride 0.9 % bolus 500 mL       | normal saline              | -
    0.9% Sodium Chloride                     | normal saline              | -
    Lactated Ringer's                        | lactated ringer's          | -
    LACTATED RINGERS                         | lactated ringer's          | -
    Ringer’s lactate                         | lactated ringer's          | typographic apostrophe
    Plasma-Lyte A                            | plasma-lyte                | -
    plasma_lyte                              | plasma-lyte                | CLIF's category word
    Albumin 5% (25 g / 500 mL)               | albumin                    | -
    albumin_infusion                         | albumin                    | -
    fentanyl 25 mcg/hr patch                 | fentanyl                   | this patch acts on the brain
    midazolam intranasal                     | midazolam                  | this one too
    Propofol                                 | propofol                   | -
    Lorazepam (Ativan)                       | lorazepam                  | -
    piperacillin_tazobactam                  | piperacillin-tazobactam    | -
    Piperacillin/Tazobactam (Zosyn)          | piperacillin-tazobactam    | -
    cefepime in sodium chloride 0.9 %        | cefepime                   | the carrier is no bolus
    Vancomycin                               | vancomycin                 | mapped, and no broad-spectrum treatment
    Amphotericin B liposome                  | amphotericin b             | -
"""

# Named, but it does not reach the circulation.
LOCAL = """
    Phenylephrine 2.5 % Ophth Soln           | dilates a pupil
    phenylephrine nasal spray                | a cold
    PrednisoLONE Acetate 1% Ophth. Susp.     | eye drops
    prednisolone 1% drops                    | eye drops that do not say so
    Hydrocortisone (Rectal) 2.5% Cream       | haemorrhoids
    Hydrocortisone 1%                        | only creams are measured so
    hydrocortisone topical                   | -
    Dexamethasone Ophthalmic                 | -
    Ciprofloxacin-Dexamethasone Otic         | ear drops
    neomycin-polymyxin-dexamethasone         | eye drops that do not say so
    dexamethasone oral rinse                 | spat out
    Ketorolac 0.5 % eye drops                | -
    Diclofenac 1 % gel                       | -
    diclofenac patch                         | -
    racemic epinephrine                      | inhaled
    Epinephrine 0.5 mg nebulized             | inhaled
    lidocaine-epinephrine                    | keeps a local anaesthetic in place
    Lidocaine 1% w/ Epinephrine 1:100,000    | -
    Bupivacaine-EPINEPHrine (PF) 0.25%       | -
    dexamethasone intravitreal implant       | -
    Sodium Chloride 0.9% Flush               | 10 ml that keep a line open
    diphenhydramine cream                    | -
"""

# Nothing to us: never guessed.
UNMAPPED = """
    Sodium Chloride 3%                       | another fluid
    NaCl 0.45%                               | another fluid
    Dextrose 5%                              | another fluid
    insulin                                  | -
    heparin 5000 units                       | -
    angiotensin receptor blocker             | the word alone is not the drug
    apomorphine                              | not morphine
    RXNORM:35827                             | unverified code, alone
    RXNORM:1535218                           | unverified code, alone
    RXNORM:72435                             | unverified code, alone
    5640                                     | weakly verified code, alone
    RXNORM:3264 methylprednisolone           | code and name contradict each other
    50242-135-01                             | a product code that we do not have
    99999999                                 | an unknown number
    ns with 20 mEq KCl                       | an abbreviation counts only alone
    -                                        | no word at all
"""


def rows(table: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("|")] for line in table.strip().replace("rxnorm|", "rxnorm¦").split("\n")
    ]


def ingredients(text: str) -> str:
    return ", ".join(drug.ingredient for drug in FORMULARY.find(text.replace("¦", "|")))


@pytest.mark.parametrize(("text", "expected", "why"), rows(COUNTS))
def test_a_feeds_text_is_found(text: str, expected: str, why: str) -> None:
    assert ingredients(text) == expected, why


@pytest.mark.parametrize(("text", "why"), rows(LOCAL))
def test_a_local_form_counts_for_nothing_and_is_not_an_unknown_drug(text: str, why: str) -> None:
    assert ingredients(text) == "", why
    assert FORMULARY.is_local(text), why


@pytest.mark.parametrize(("text", "why"), rows(UNMAPPED))
def test_what_we_do_not_know_is_never_guessed(text: str, why: str) -> None:
    assert ingredients(text) == "", why
    assert not FORMULARY.is_local(text), why


# The feed's word for a role's drugs. Every generic name that a rule speaks of stands in one of these lines.
ROLE_OF = """
    tocilizumab    | tocilizumab
    siltuximab     | siltuximab
    anakinra       | anakinra
    ruxolitinib    | ruxolitinib
    antipyretic    | acetaminophen paracetamol ibuprofen ketorolac diclofenac naproxen aspirin metamizole
    steroid        | dexamethasone methylprednisolone hydrocortisone prednisone prednisolone
    vasopressor    | norepinephrine epinephrine phenylephrine dopamine ephedrine
    vasopressin    | vasopressin
    inotrope       | dobutamine milrinone
    oral_pressor   | midodrine
    fluid          | albumin plasma-lyte
    cns_depressant | lorazepam midazolam diazepam propofol dexmedetomidine morphine hydromorphone fentanyl oxycodone
    antifungal     | fluconazole micafungin caspofungin posaconazole voriconazole isavuconazole anidulafungin
    antibiotic     | cefepime piperacillin-tazobactam meropenem imipenem-cilastatin ceftazidime
    other          | vancomycin desmopressin
"""


@pytest.mark.parametrize(("role", "names"), rows(ROLE_OF))
def test_generic_names_have_their_role_in_any_case(role: str, names: str) -> None:
    for name in names.split():
        for written in (name, name.upper(), name.title()):
            assert [drug.role for drug in FORMULARY.find(written)] == [role], written


def test_every_role_has_a_test_above() -> None:
    assert {role for role, _ in rows(ROLE_OF)} == ROLES


@pytest.mark.parametrize(
    ("code", "ingredient"),
    [
        ("161", "acetaminophen"),
        ("612865", "tocilizumab"),
        ("1193326", "ruxolitinib"),
        ("3264", "dexamethasone"),
        ("6902", "methylprednisolone"),
        ("5492", "hydrocortisone"),
        ("8640", "prednisone"),
        ("8638", "prednisolone"),
        ("7512", "norepinephrine"),
        ("3992", "epinephrine"),
        ("8163", "phenylephrine"),
        ("3628", "dopamine"),
        ("3616", "dobutamine"),
        ("11149", "vasopressin"),
        ("3966", "ephedrine"),
        ("6963", "midodrine"),
    ],
)
def test_a_verified_rxnorm_code_stands_alone(code: str, ingredient: str) -> None:
    assert ingredients(code) == ingredients(f"RxNorm:{code}") == ingredient
    assert ingredients(f"http://www.nlm.nih.gov/research/umls/rxnorm|{code}") == ingredient


def test_aspirin_lowers_fever_from_500_mg() -> None:
    [aspirin] = FORMULARY.find("Aspirin EC 81 mg")
    assert aspirin.minimum_mg == 500
    assert [drug.ingredient for drug in FORMULARY.drugs if drug.minimum_mg is not None] == ["aspirin"]


@pytest.mark.parametrize("route", ["iv", "oral", "sc", "im", "rectal", None])
def test_systemic_routes_and_a_route_that_was_not_stated(route: str | None) -> None:
    assert is_systemic(route)


@pytest.mark.parametrize("route", ["topical", "ophthalmic", "inhaled", "other"])
def test_local_routes(route: str) -> None:
    assert not is_systemic(route)


def test_every_drug_has_a_source() -> None:
    assert all(drug.source for drug in FORMULARY.drugs)


def test_finding_is_the_same_however_often_and_whatever_was_found_before() -> None:
    """What is remembered never changes an answer, also after it was forgotten."""
    first = [FORMULARY.find(text) for text, *_ in rows(COUNTS)]
    for number in range(10_000):
        assert FORMULARY.find(f"no drug {number}") == ()
    assert [FORMULARY.find(text) for text, *_ in rows(COUNTS)] == first


SOUND = """
version = "1"
sources = { P = "ward policy" }
[[drug]]
ingredient = "a"
role = "other"
names = ["x"]
source = "P"
"""


@pytest.mark.parametrize(
    ("rows_added", "place"),
    [
        (
            '[[drug]]\ningredient = "b"\nrole = "other"\nnames = ["X"]\nsource = "P"',
            'drug 2 "b": name "X" already stands for a',
        ),
        ('[[drug]]\ningredient = "a"\nrole = "other"\nsource = "P"', "two entries"),
        ('[[drug]]\ningredient = "b"\nrole = "hero"\nsource = "P"', "drug 2 \"b\": role 'hero'"),
        ('[[drug]]\ningredient = "b"\nrole = "other"\nsource = "Q"', "drug 2 \"b\": source 'Q'"),
        ('[[drug]]\ningredient = "b"\nrole = "other"', 'drug 2 "b": source is missing'),
        ('[[drug]]\ningredient = "b"\nrole = "other"\nsource = "P"\nname = ["y"]', 'drug 2 "b": name is not a field'),
        ('[[drug]]\ningredient = "b"\nrole = "other"\nsource = "P"\nnames = ["!"]', "has no words"),
        ('[[drug]]\ningredient = "b"\nrole = "other"\nsource = "P"\nexact = ["x"]', "is also a name"),
        (
            '[[drug]]\ningredient = "b"\nrole = "other"\nsource = "P"\nrxnorm = { code = "1", status = "sure" }',
            "drug 2 \"b\": rxnorm status 'sure'",
        ),
        ('[[combination]]\nnames = ["y"]\ningredients = ["a", "c"]', "ingredient 'c' has no entry"),
        ('[[denied]]\nwhy = "eye"\nwords = ["eye"]\nroles = ["hero"]', "role 'hero'"),
        ("[[drug", "not TOML"),
    ],
)
def test_a_bad_table_is_refused_with_the_place(rows_added: str, place: str) -> None:
    assert [drug.ingredient for drug in parse(SOUND).find("X")] == ["a"]
    with pytest.raises(FormularyError) as refused:
        parse(SOUND + rows_added)
    assert place in str(refused.value)
