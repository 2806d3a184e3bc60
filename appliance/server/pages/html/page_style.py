"""The style sheet of every page of the appliance: light and dark, from 320 pixels on.

A page contains it as it is, so that its hash in the Content-Security-Policy stays true (``content_policy``).
"""

STYLE = """
:root { color-scheme: light dark; --paper: #f6f6f3; --card: #fff; --ink: #1b1e24; --soft: #565e6c; --line: #dbdbd4;
  --accent: #b42318; --calm: #1f5fa8; --here: #fff1ec; --mark: #ffc9bd; --add: #e3f5e7; --del: #fde7e4; --link: #1f5fa8;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1c1f25; --ink: #e8e7e4; --soft: #a6afbc;
  --line: #363b45; --accent: #ff9d8f; --calm: #8fc1f5; --here: #332524; --mark: #7a3327; --add: #16321f; --del: #3d2020;
  --link: #8fc1f5 } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
  border-top: 4px solid var(--accent) }
body.calm { --accent: var(--calm) }
main { max-width: 64rem; margin: 0 auto; padding: 2.2rem 1.25rem 1rem }
footer { max-width: 64rem; margin: 0 auto; padding: 1rem 1.25rem 2.5rem; color: var(--soft); font-size: .875rem }
h1 { margin: 0 0 .6rem; font-size: 1.5rem; line-height: 1.3; overflow-wrap: anywhere }
h1 .kind { color: var(--accent) }
h2 { margin: 2rem 0 .6rem; font-size: 1.06rem; line-height: 1.35 }
h3 { margin: 1.4rem 0 .5rem; font-size: 1rem; line-height: 1.35; overflow-wrap: anywhere }
h3 .kind { color: var(--accent) }
p { margin: .5rem 0; overflow-wrap: anywhere; max-width: 46rem }
a { color: var(--link); text-underline-offset: .15em }
ul { margin: .5rem 0; padding-left: 1.2rem }
li { overflow-wrap: anywhere }
.lead { color: var(--soft) }
.where { font: 600 .92rem/1.5 var(--mono) }
.action { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--accent);
  border-radius: 6px; padding: .7rem .9rem; margin: 1.1rem 0; white-space: pre-line;
  max-width: none }
code, pre, textarea, .name { font-family: var(--mono); font-size: .86rem; line-height: 1.55 }
pre { margin: .5rem 0; padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  overflow-x: auto; tab-size: 4 }
pre.log, pre.message { white-space: pre-wrap; overflow-wrap: anywhere }
details > pre.log, pre.message { max-height: 24rem; overflow-y: auto }
details { margin: .5rem 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px }
details details { margin: 0; border: 0; border-top: 1px solid var(--line); border-radius: 0; background: none }
summary { cursor: pointer; padding: .5rem .9rem; overflow-wrap: anywhere; border-radius: 6px }
summary .name { font-weight: 600 }
summary .of { color: var(--soft) }
details > :not(summary):not(details):not(pre):not(table):not(ol) { margin-left: .9rem; margin-right: .9rem }
details > pre, details > table { margin: 0; border: 0; border-top: 1px solid var(--line); border-radius: 0 }
details > pre:last-child { border-radius: 0 0 6px 6px }
details.library, details.library summary { color: var(--soft) }
details.library > ol { margin: 0; padding: .2rem .9rem .6rem; list-style: none; border-top: 1px solid var(--line) }
details.library li { padding: .15rem 0 }
.source { padding: .5rem 0 }
.source .l { display: block; padding: 0 .9rem 0 0; min-width: max-content; white-space: pre }
.source .l::before { content: attr(data-n); display: inline-block; width: 4.2em; padding-right: 1.1em;
  text-align: right; color: var(--soft) }
.source .here { background: var(--here); box-shadow: inset 4px 0 var(--accent); font-weight: 600 }
mark { background: var(--mark); color: inherit; border-bottom: 2px solid var(--accent) }
.diff .l { display: block; min-width: max-content; white-space: pre }
.diff .add { background: var(--add) }
.diff .del { background: var(--del) }
.diff ins, .diff del { text-decoration: none }
.diff .at { color: var(--soft) }
.diff .here { box-shadow: inset 4px 0 var(--accent); font-weight: 600 }
.diff .l { padding: 0 .6rem }
.diff { padding: .5rem 0 }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; margin: 1.1rem 0 }
p code { padding: .05em .3em; background: var(--card); border: 1px solid var(--line); border-radius: 4px }
.action code { background: var(--paper) }
table { width: 100%; border-collapse: collapse; table-layout: fixed }
th, td { padding: .35rem .9rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; font: .86rem/1.5 var(--mono) }
th { width: 30%; font-weight: 600; color: var(--soft) }
table caption { padding: .5rem .9rem; text-align: left; font-weight: 600; font-size: .92rem }
.tree { margin-left: 0; padding-left: .9rem; border-left: 3px solid var(--line) }
.tools { margin: .9rem 0; display: flex; flex-wrap: wrap; gap: .6rem }
button { font: inherit; font-size: .92rem; color: var(--ink); background: var(--card); border: 1px solid var(--soft);
  border-radius: 6px; padding: .35rem .9rem; cursor: pointer }
button:hover { border-color: var(--accent) }
textarea { display: block; width: calc(100% - 1.8rem); height: 16rem; margin: 0 .9rem .9rem; padding: .6rem;
  color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; resize: vertical }
:focus-visible { outline: 3px solid var(--calm); outline-offset: 2px }
.progress, progress { height: .4rem; margin: 1.4rem 0 1.1rem }
[hidden] { display: none }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.2rem; margin: 0 0 .8rem }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
.progress { border-radius: 2px; background: var(--line); overflow: hidden }
.progress::before { content: ""; display: block; width: 30%; height: 100%; background: var(--accent);
  animation: run 1.6s ease-in-out infinite alternate }
progress { display: block; width: 100%; appearance: none; border: 0; border-radius: 2px; overflow: hidden;
  background: var(--line); accent-color: var(--accent) }
progress::-webkit-progress-bar { background: var(--line) }
progress::-webkit-progress-value { background: var(--accent) }
progress::-moz-progress-bar { background: var(--accent) }
.appliance-remedy { margin: 1.1rem 0 }
.appliance-remedy button:first-of-type { color: var(--paper); background: var(--calm); border-color: var(--calm) }
button:disabled { opacity: .55; cursor: default }
@keyframes run { from { margin-left: 0 } to { margin-left: 70% } }
@media (prefers-reduced-motion: reduce) { .progress::before { animation: none; width: 100% } }
@media (max-width: 34rem) { main { padding-top: 1.4rem } h1 { font-size: 1.25rem }
  dl { grid-template-columns: 1fr; gap: 0 }
  dd { margin-bottom: .5rem }
  .source .l::before { width: 3.2em; padding-right: .8em }
  th, td { display: block; width: auto } th { padding-bottom: 0 } td { padding-top: 0; border-top: 0 } }
@media print { details > * { display: block } }
"""
