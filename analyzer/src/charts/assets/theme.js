// The theme: that of the system unless another one is chosen. `button` changes it and names the
// other one; `chosen` is the one to begin with, and `changed(theme)` is called at each choice.
function themeButton(button, { chosen, changed } = {}) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const { dataset } = document.documentElement;
  const isDark = () => (dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const name = () => {
    button.textContent = isDark() ? "Light theme" : "Dark theme";
  };
  if (chosen === "dark" || chosen === "light") dataset.theme = chosen;
  button.addEventListener("click", () => {
    dataset.theme = isDark() ? "light" : "dark";
    changed?.(dataset.theme);
    name();
  });
  system.addEventListener("change", name);
  name();
}
