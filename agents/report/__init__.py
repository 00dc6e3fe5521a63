"""The replay report: one HTML file with the ward and a timeline of each patient, which needs no network.

    collect.py       while a replay runs: one chart (chart.py) for each patient; series.py thins curves and intervals
    timeline.py      a patient's figure as JSON for plotly.js, out of panels.py, support_panels.py and traces.py
    narrative.py     one stay as sentences
    texts.py         doses, alerts and times in words; colours.py the colours
    page.py          fills the template page.html.j2

Never here: a judgement; every grade and alert comes from the replay.
"""
