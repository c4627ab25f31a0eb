// What tests need to find things by the names a person goes by. Runs in the page, before a script.

const nameOf = element => {
  const labelledBy = element?.getAttribute('aria-labelledby');
  return ((labelledBy && document.getElementById(labelledBy)?.textContent)
    ?? element?.getAttribute('aria-label')
    ?? element?.labels?.[0]?.textContent
    ?? element?.textContent
    ?? '').trim();
};

const labOf = name => document.querySelector(`[data-lab="${name}"]`);

const named = (lab, selector, name) =>
  [...(lab?.querySelectorAll(selector) ?? [])].find(element => nameOf(element) === name);

const buttonOf = (lab, name) => named(lab, 'button', name);

const messageOf = lab => named(lab, 'textarea, input', 'Message');

const canBePressed = button =>
  button && !button.disabled && button.getAttribute('aria-disabled') !== 'true';

const rowsOf = lab => [...(named(lab, 'ol, ul, [role=list]', 'Exchange')?.querySelectorAll('li') ?? [])];

const stepsOf = lab => [...(named(lab, 'ol, ul, [role=list]', 'Steps')?.querySelectorAll('li[data-done]') ?? [])];

const inspectorOf = lab => named(lab, 'section, aside, div, [role=region]', 'Inspector');

// Calls `done` with the value of `expression` as soon as it is true: now, or after a change of the page.
const whenever = (expression, done) => {
  const value = expression();
  if (value) return done(value);
  const observer = new MutationObserver(() => {
    const value = expression();
    if (value) {
      observer.disconnect();
      done(value);
    }
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
};
