"""The replay report: one HTML file that shows the ward and a timeline of each patient without a network.

While a replay runs, `collect` gathers one `chart` for each patient; `series` thins curves and intervals so that charts
stay small. At the end `page` fills the template `page.html.j2`: `timeline` builds each patient's figure out of its
panels, two of them in `support_panels`, with `panels`, `traces`, `texts` and `colours`; it is plain JSON that plotly.js
draws. `narrative` tells one stay as sentences.

Nothing is judged here: every grade and alert comes from the replay.
"""
