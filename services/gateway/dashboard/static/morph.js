// Makes what is on the page what it should be, touching only what differs, so that focus, open boxes and choices stay.

/** Gives `have` the children of `want`. Elements with the same `data-key` are taken for the same. */
export function morphChildren(have, want) {
  const left = new Set(have.childNodes);
  const nodes = [...want.childNodes].map((wanted) => {
    const match = findMatch(left, wanted);
    if (!match) return document.importNode(wanted, true);
    left.delete(match);
    morph(match, wanted);
    return match;
  });
  for (const node of left) node.remove();
  let place = have.firstChild;
  for (const node of nodes) {
    // What is in its place already is not moved: a move takes the focus away.
    if (node === place) place = place.nextSibling;
    else have.insertBefore(node, place);
  }
}

/** The first child not taken yet that may become `wanted`: by its key, else by what it looks like. */
function findMatch(left, wanted) {
  let similar = null;
  for (const node of left) {
    if (node.nodeName !== wanted.nodeName || node.dataset?.key !== wanted.dataset?.key) continue;
    if (node.className === wanted.className) return node;
    similar ??= node;
  }
  return similar;
}

function morph(have, want) {
  if (have.nodeType !== Node.ELEMENT_NODE) {
    if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    return;
  }
  for (const { name, value } of [...want.attributes]) {
    if (have.getAttribute(name) !== value) have.setAttribute(name, value);
  }
  for (const { name } of [...have.attributes]) {
    // What the reader has opened, or scripts have switched off, is theirs.
    if (!want.hasAttribute(name) && !["open", "disabled"].includes(name)) have.removeAttribute(name);
  }
  morphChildren(have, want);
}
