"""How a report looks: one style sheet for screens wide and narrow, light and dark, and paper.

Text only. Figures take their colours from it too, so that they follow the reader's choice.
"""

from analysis.figures.svg import FIGURE_STYLE

_PAGE = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:75rem;padding:1rem 1.2rem 4rem;background:var(--paper);
color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.7rem;line-height:1.2;margin:.6rem 0 .3rem}
h2{font-size:1.3rem;line-height:1.25;margin:2.6rem 0 .6rem;padding-top:.5rem;
border-top:1px solid var(--grid)}
p,ul{max-width:48rem;margin:.6rem 0}
a{color:var(--link)}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.9rem;margin:.8rem 0}
.quiet,figcaption,caption{color:var(--quiet);font-size:.875rem}
.mark{font-weight:700;white-space:nowrap}
.mark.good{color:var(--good)}.mark.bad{color:var(--bad)}.mark.open{color:var(--open)}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;caption-side:bottom;padding-top:.3rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;
border-bottom:1px solid var(--grid)}
th{font-weight:600;vertical-align:bottom}
th.number,td.number{text-align:right}
td.number{white-space:nowrap}
figure{margin:1rem 0}
.drawings{display:grid;gap:.5rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr))}
.drawings.large{grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr))}
.drawings svg{width:100%;height:auto}
.drawings svg.wide{grid-column:1/-1;max-width:52rem}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;font-size:.875rem;margin:.3rem 0}
.legend .key{width:1.4rem;height:.75rem;margin-right:.4rem;vertical-align:-.05rem}
details{margin:.4rem 0;border-left:3px solid var(--grid);padding-left:.8rem}
summary{cursor:pointer;margin-left:-.2rem}
pre{font-size:.75rem;line-height:1.35;overflow-x:auto;white-space:pre-wrap;
background:var(--wash);padding:.5rem}
footer{margin-top:3rem}
@media (max-width:30rem){body{padding:.6rem .7rem 3rem}h1{font-size:1.35rem}
table{font-size:.8rem}th,td{padding-right:.5rem}}
@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}
a{color:inherit;text-decoration:none}.scroll{overflow:visible}
figure,tr{break-inside:avoid}h2{break-after:avoid}
.drawings{grid-template-columns:repeat(3,1fr)}.drawings.large{grid-template-columns:1fr 1fr}
table{font-size:8pt}}
"""

STYLE = FIGURE_STYLE + _PAGE
