/** Health check of a program that answers HTTP on its loopback device: 200 is good. Needs nothing but bash. */
export function httpHealthcheck(port: number, path: string): readonly string[] {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *" 200 "* ]]`;
  return ["CMD", "bash", "-c", script];
}
