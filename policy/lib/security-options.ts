/** `seccomp=unconfined` and the older `seccomp:unconfined` say the same. */
export function securityOption(option: string): { readonly name: string; readonly value: string } {
  const cut = option.search(/[=:]/);
  return cut < 0
    ? { name: option.trim(), value: "" }
    : { name: option.slice(0, cut).trim(), value: option.slice(cut + 1).trim() };
}
