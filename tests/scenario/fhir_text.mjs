// Where things stand in a text of JSON: what a validator says of places is held against it. Not the reader of the product.

// "Patient.name[0].given" -> the column, from 1 in bytes, of its value in a line of JSON; "Patient.name[0].given#" of its key.
export function placesOf(line) {
  const text = Buffer.from(line);
  const places = new Map();
  let at = 0;
  const byte = () => String.fromCharCode(text[at]);
  const space = () => { while (at < text.length && ' \t\r\n'.includes(byte())) at++; };
  const string = () => {
    const from = at++;
    while (byte() !== '"') at += byte() === '\\' ? 2 : 1;
    at++;
    return JSON.parse(text.subarray(from, at).toString());
  };
  const value = (where) => {
    space();
    places.set(where, at + 1);
    if (byte() === '{') {
      for (at++, space(); byte() !== '}'; space()) {
        const from = at + 1;
        const key = string();
        const inner = where ? `${where}.${key}` : key;
        if (!places.has(`${inner}#`)) places.set(`${inner}#`, from);
        space();
        at++;
        value(inner);
        space();
        if (byte() === ',') at++;
      }
      at++;
    } else if (byte() === '[') {
      at++;
      space();
      for (let i = 0; byte() !== ']'; i++) {
        value(`${where}[${i}]`);
        space();
        if (byte() === ',') at++;
        space();
      }
      at++;
    } else if (byte() === '"') string();
    else while (at < text.length && !',]} \t\r\n'.includes(byte())) at++;
  };
  const type = /"resourceType" *: *"(\w+)"/.exec(line);
  value(type ? type[1] : '');
  return places;
}
