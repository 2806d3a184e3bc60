import "./static/site.css";

const
VERSION = 0
document.querySelector("h1").textContent = VERSION;
