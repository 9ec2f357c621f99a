// Reads what Telegram's page hands over in the fragment of the address, which never reaches a server, into the form.
const form = document.getElementById('login-telegram');
const nothing = document.getElementById('telegram-nothing');

function handedOver() {
  const encoded = new URLSearchParams(location.hash.slice(1)).get('tgAuthResult');
  if (!encoded) return null;
  try {
    const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
    const fields = JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))));
    return fields && typeof fields === 'object' && fields.hash ? fields : null;
  } catch {
    return null;
  }
}

const fields = handedOver();
if (form && fields) {
  // The fragment is a credential: it does not stay in the history.
  history.replaceState(null, '', location.pathname + location.search);
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'form_token' || name === 'next') continue;
    const input = document.createElement('input');
    input.type = 'hidden';
    input.name = name;
    input.value = String(value);
    form.append(input);
  }
  // Nothing has been proven yet: who is asked must see whose login it would be.
  const name = fields.first_name || fields.username || '';
  document.getElementById('telegram-name').firstElementChild.textContent = String(name);
  document.getElementById('telegram-id').textContent = String(fields.id ?? '');
  form.hidden = false;
  if (nothing) nothing.hidden = true;
}
