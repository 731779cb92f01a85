// Runs before the page is drawn. Airflow keeps its colour mode under this name, or follows the
// system; the page on which the desk is framed has it as a class.
const outer = window.top.document.documentElement;
const isFramed = window.self !== window.top;

function showColourMode() {
  const chosen = isFramed
    ? ["dark", "light"].find((each) => outer.classList.contains(each))
    : localStorage.getItem("theme");
  const root = document.documentElement;
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  else delete root.dataset.theme;
}

showColourMode();
document.documentElement.toggleAttribute("data-framed", isFramed);
addEventListener("storage", showColourMode);
if (isFramed) {
  new MutationObserver(showColourMode).observe(outer, { attributeFilter: ["class"] });
}
