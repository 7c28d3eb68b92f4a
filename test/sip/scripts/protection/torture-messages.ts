/**
 * Messages after every section of RFC 4475, made for the edge under test: the RFC's peculiarity, with the edge's domain, a user that it has
 * and a Via that leads back to the sender.
 */
export interface TortureMessage {
  section: string;
  name: string;
  message: Buffer;
  /** Valid ones have to be processed: answered as their kind of request is. */
  valid: boolean;
}

export interface TortureArgs {
  domain: string;
  /** A subscriber. */
  user: string;
  /** Address and port of the sender. */
  own: string;
  port: number;
  /** Credentials to put into an INVITE, as a header line; else none. */
  authorization?: (method: string, uri: string) => string;
}

type Part = string | Buffer;

const crlf = (text: string) => text.replaceAll(/\r?\n/g, "\r\n");
const bytes = (parts: readonly Part[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));

export function tortureMessages({ domain, user, own, port, authorization }: TortureArgs): TortureMessage[] {
  const uri = `sip:600@${domain}`;
  let number = 0;
  const sdp = crlf(`v=0
o=mhandley 29739 7272939 IN IP4 ${own}
s=-
c=IN IP4 ${own}
t=0 0
m=audio 49217 RTP/AVP 0 12
a=rtpmap:31 LPC
`);
  /** Header lines that every message needs; `change` replaces those of the same name (undefined: leaves them out) or adds more. */
  const fields = (method: string, change: Record<string, string | undefined>, digestUri: string) => {
    number += 1;
    const from = `<sip:${user}@${domain}>;tag=torture${number}`;
    const lines: Record<string, string | undefined> = {
      Via: `SIP/2.0/UDP ${own}:${port};rport;branch=z9hG4bK-torture-${number}-${port}`,
      "Max-Forwards": "70",
      From: from,
      To: method === "REGISTER" ? `<sip:${user}@${domain}>` : `<${uri}>`,
      "Call-ID": `torture.${number}.${port}@${own}`,
      CSeq: `${number} ${method}`,
      Contact: `<sip:${user}@${own}:${port}>`,
      ...change,
    };
    const text = Object.entries(lines).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
    if (authorization !== undefined && (method === "INVITE" || method === "REGISTER")) {
      text.push(authorization(method, digestUri));
    }
    return text;
  };
  const request = (
    method: string,
    change: Record<string, string | undefined> = {},
    options: { line?: string; body?: string; length?: string | null; more?: readonly string[] } = {},
  ): Buffer => {
    const {
      line = `${method} ${method === "REGISTER" ? `sip:${domain}` : uri} SIP/2.0`,
      body = "",
      more = [],
    } = options;
    const length = options.length === undefined ? String(body.length) : options.length;
    const head = [line, ...fields(method, change, method === "REGISTER" ? `sip:${domain}` : uri), ...more];
    if (body !== "" && change["Content-Type"] === undefined) head.push("Content-Type: application/sdp");
    if (length !== null) head.push(`Content-Length: ${length}`);
    return bytes([head.join("\r\n"), "\r\n\r\n", body]);
  };
  const response = (line: string, change: Record<string, string | undefined> = {}) =>
    bytes([
      [line, ...fields("RESPONSE", { CSeq: "35 INVITE", ...change }, uri), "Content-Length: 0"].join("\r\n"),
      "\r\n\r\n",
    ]);
  const odd = "!interesting-Method0123456789_*+`.%indeed'~";
  const long = (what: string, length: number) => what.repeat(Math.ceil(length / what.length)).slice(0, length);

  const messages: TortureMessage[] = [];
  const add = (section: string, name: string, valid: boolean, message: Buffer) =>
    messages.push({ section, name, valid, message });

  number += 1;
  add(
    "3.1.1.1",
    "a short tortuous INVITE",
    true,
    bytes([
      crlf(`INVITE sip:600@${domain};unknownparam SIP/2.0
v:  SIP  / 2.0  / UDP
    ${own}:${port};rport; branch=z9hG4bK-tortuous-${number}-${port}
TO :
 sip:600@${domain}
from   : "J Rosenberg \\\\\\"" <sip:${user}@${domain}>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj${number}@${own}
cseq: 0009
  INVITE
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
v:  SIP  / 2.0  / TCP     192.0.2.9;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:${user}@${own}:${port}> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
${authorization === undefined ? "" : `${authorization("INVITE", uri)}\n`}l: ${sdp.length}

`),
      sdp,
    ]),
  );
  add(
    "3.1.1.2",
    "a wide range of valid characters",
    true,
    request(
      odd,
      {
        To: `"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@${domain}>`,
        From: `token1~\` token2'+_ token3*%!.- <sip:mundane@${domain}>;fromParam''~+*_!.-%="\xd1\x80\xd0\xb0\xd0\xb1\xd0\xbe\xd1\x82";tag=_token~1'+\`*%!-.`,
        "Call-ID": "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        CSeq: `139122385 ${odd}`,
        "extensionHeader-!.%*+_`'~": "\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb",
      },
      {
        line: `${odd} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@${domain} SIP/2.0`,
      },
    ),
  );
  add(
    "3.1.1.3",
    "valid use of the % escaping mechanism",
    true,
    request(
      "INVITE",
      { To: `<sip:%75se%72@${domain}>`, Contact: `<sip:cal%6Cer@${own}:${port};%6C%72;n%61me=v%61lue%25%34%31>` },
      { line: `INVITE sip:sips%3Auser%40example.com@${domain} SIP/2.0`, body: sdp },
    ),
  );
  add(
    "3.1.1.4",
    "escaped nulls in URIs",
    true,
    request("REGISTER", { Contact: `<sip:%00@${own}:${port}>, <sip:%00%00@${own}:${port}>` }),
  );
  add(
    "3.1.1.5",
    "use of % when it is not an escape",
    true,
    request(
      "RE%47IST%45R",
      { CSeq: "29344 RE%47IST%45R", Contact: `"%Z%45" <sip:resource@${own}:${port}>` },
      { line: `RE%47IST%45R sip:registrar.${domain} SIP/2.0` },
    ),
  );
  add(
    "3.1.1.6",
    "no LWS between display name and <",
    true,
    request("OPTIONS", { From: `caller<sip:${user}@${domain}>;tag=323` }, { line: `OPTIONS sip:${domain} SIP/2.0` }),
  );
  add(
    "3.1.1.7",
    "long values in header fields",
    true,
    request(
      "INVITE",
      {
        To: `"I have a user name of ${long("extreme", 400)} proportion"<sip:600@${domain};unknownparam1=${long("very", 500)}value>`,
        From: `<sip:${user}@${domain}>;tag=${long("12982424", 210)}`,
        "Call-ID": `longreq.one${long("really", 180)}longcallid`,
        [`Unknown-${long("Long", 200)}-Name`]: `unknown-${long("long", 200)}-value; unknown-${long("long", 200)}-parameter-name = unknown`,
      },
      { body: sdp },
    ),
  );
  add(
    "3.1.1.8",
    "extra trailing octets in a datagram",
    true,
    Buffer.concat([
      request("REGISTER", { Contact: `<sip:j@${own}:${port}>` }),
      Buffer.from(`INVITE sip:joe@${domain} SIP/2.0\r\nt: sip:joe@${domain}\r\n\r\n`),
    ]),
  );
  add(
    "3.1.1.9",
    "semicolon-separated parameters in the user part",
    true,
    request("OPTIONS", {}, { line: `OPTIONS sip:user;par=u%40example.net@${domain} SIP/2.0` }),
  );
  add(
    "3.1.1.10",
    "varied and unknown transport types",
    true,
    request(
      "OPTIONS",
      {},
      {
        line: `OPTIONS sip:${domain} SIP/2.0`,
        more: [
          "Via: SIP/2.0/SCTP 192.0.2.10;branch=z9hG4bKonearbitrary",
          "Via: SIP/2.0/TLS 192.0.2.11;branch=z9hG4bKzomething",
          "Via: SIP/2.0/UNKNOWN 192.0.2.12;branch=z9hG4bKgn3r",
        ],
      },
    ),
  );
  const boundary = "7a9cbec02ceef655";
  add(
    "3.1.1.11",
    "a multipart MIME body",
    true,
    request(
      "MESSAGE",
      { "Content-Type": `multipart/mixed;boundary=${boundary}` },
      {
        body: `--${boundary}\r\nContent-Type: text/plain\r\n\r\nHello\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n0\x82\x01\x52\x00\xff\r\n--${boundary}--\r\n`,
      },
    ),
  );
  add(
    "3.1.1.12",
    "an unusual reason phrase",
    true,
    response("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe"),
  );
  add("3.1.1.13", "an empty reason phrase", true, response("SIP/2.0 100 "));

  add(
    "3.1.2.1",
    "extraneous separators in header fields",
    false,
    request("INVITE", { Contact: `"Joe" <sip:joe@${own}:${port}>;;;;`, To: `<${uri}>;;,;,,` }, { body: sdp }),
  );
  add("3.1.2.2", "Content-Length larger than the message", false, request("INVITE", {}, { body: sdp, length: "9999" }));
  add("3.1.2.3", "negative Content-Length", false, request("INVITE", {}, { body: sdp, length: "-999" }));
  add(
    "3.1.2.4",
    "request scalar fields with overlarge values",
    false,
    request("REGISTER", {
      CSeq: "36893488147419103232 REGISTER",
      "Max-Forwards": "300",
      Expires: "10000000000000000000000000000000",
      Contact: `<sip:${user}@${own}:${port}>;expires=280297596632815`,
    }),
  );
  add(
    "3.1.2.5",
    "response scalar fields with overlarge values",
    false,
    response("SIP/2.0 503 Service Unavailable", {
      CSeq: "9292394834772304023312 OPTIONS",
      "Retry-After": "949302838503028349304023988",
      Warning: '1812 overture "In Progress"',
    }),
  );
  add(
    "3.1.2.6",
    "unterminated quoted string",
    false,
    request("INVITE", { To: `"Mr. J. User <${uri}>` }, { body: sdp }),
  );
  add(
    "3.1.2.7",
    "<> around the Request-URI",
    false,
    request("INVITE", {}, { line: `INVITE <${uri}> SIP/2.0`, body: sdp }),
  );
  add(
    "3.1.2.8",
    "LWS within the Request-URI",
    false,
    request("INVITE", {}, { line: `INVITE sip:600@${domain}; lr SIP/2.0`, body: sdp }),
  );
  add(
    "3.1.2.9",
    "several SP between start line elements",
    false,
    request("INVITE", {}, { line: `INVITE  ${uri}  SIP/2.0`, body: sdp }),
  );
  add(
    "3.1.2.10",
    "SP at the end of the start line",
    false,
    request("OPTIONS", {}, { line: `OPTIONS sip:${domain} SIP/2.0  ` }),
  );
  add(
    "3.1.2.11",
    "escaped headers in the Request-URI",
    false,
    request("INVITE", {}, { line: `INVITE ${uri}?Route=%3Csip:example.com%3E SIP/2.0`, body: sdp }),
  );
  add(
    "3.1.2.12",
    "invalid time zone in Date",
    false,
    request("INVITE", { Date: "Fri, 01 Jan 2010 16:00:00 EST" }, { body: sdp }),
  );
  add(
    "3.1.2.13",
    "name-addr without <>",
    false,
    request("REGISTER", { Contact: `sip:${user}@${own}:${port}?Route=%3Csip:sip.example.com%3E` }),
  );
  add(
    "3.1.2.14",
    "spaces within addr-spec",
    false,
    request(
      "OPTIONS",
      { To: `"Watson, Thomas" < sip:t.watson@${domain} >` },
      { line: `OPTIONS sip:${domain} SIP/2.0` },
    ),
  );
  add(
    "3.1.2.15",
    "non-token characters in a display name",
    false,
    request("OPTIONS", { To: `Watson, Thomas <sip:t.watson@${domain}>` }, { line: `OPTIONS sip:${domain} SIP/2.0` }),
  );
  add(
    "3.1.2.16",
    "unknown protocol version",
    false,
    request(
      "OPTIONS",
      { Via: `SIP/7.0/UDP ${own}:${port};rport;branch=z9hG4bKkdjuw` },
      { line: `OPTIONS sip:${domain} SIP/7.0` },
    ),
  );
  add(
    "3.1.2.17",
    "start line and CSeq with different methods",
    false,
    request("OPTIONS", { CSeq: "8 INVITE" }, { line: `OPTIONS sip:${domain} SIP/2.0` }),
  );
  add("3.1.2.18", "unknown method with CSeq of another", false, request("NEWMETHOD", { CSeq: "8 INVITE" }));
  add("3.1.2.19", "overlarge response code", false, response("SIP/2.0 4294967301 better not break the receiver"));

  add(
    "3.2.1",
    "a branch that is only the magic cookie",
    true,
    request(
      "OPTIONS",
      { Via: `SIP/2.0/UDP ${own}:${port};rport;branch=z9hG4bK` },
      { line: `OPTIONS sip:${domain} SIP/2.0` },
    ),
  );

  add(
    "3.3.1",
    "missing required header fields",
    false,
    request("INVITE", { "Call-ID": undefined, From: undefined, To: undefined }, { body: sdp }),
  );
  add(
    "3.3.2",
    "Request-URI with unknown scheme",
    false,
    request(
      "OPTIONS",
      { To: "isbn:2983792873" },
      { line: "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0" },
    ),
  );
  add(
    "3.3.3",
    "Request-URI with known but atypical scheme",
    false,
    request("OPTIONS", { To: "http://example.com" }, { line: "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0" }),
  );
  add(
    "3.3.4",
    "unknown URI schemes in header fields",
    false,
    request("REGISTER", {
      To: "isbn:2983792873",
      Contact: "<name:John_Smith>",
      From: `<http://www.example.com>;tag=3234233`,
    }),
  );
  add(
    "3.3.5",
    "Proxy-Require and Require",
    false,
    request(
      "OPTIONS",
      {
        Require: "nothingSupportsThis, nothingSupportsThisEither",
        "Proxy-Require": "noProxiesSupportThis, norDoAnyProxiesSupportThis",
      },
      { line: `OPTIONS sip:${domain} SIP/2.0` },
    ),
  );
  add(
    "3.3.6",
    "unknown Content-Type",
    true,
    request(
      "INVITE",
      { "Content-Type": "application/unknownformat" },
      { body: '<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n' },
    ),
  );
  add(
    "3.3.7",
    "unknown authorization scheme",
    true,
    request("REGISTER", { Authorization: "NoOneKnowsThisScheme opaque-data=here" }),
  );
  add(
    "3.3.8",
    "several values in single value required fields",
    false,
    request(
      "INVITE",
      {},
      {
        more: [
          `CSeq: 59 INVITE`,
          `Call-ID: multi01.2@${own}`,
          `From: <sip:other@${domain}>;tag=3413415`,
          `To: <sip:other@${domain}>`,
          "Max-Forwards: 5",
        ],
        body: sdp,
      },
    ),
  );
  add(
    "3.3.9",
    "several Content-Length values",
    false,
    request(
      "OPTIONS",
      {},
      {
        line: `OPTIONS sip:${domain} SIP/2.0`,
        more: ["Content-Length: 13"],
        body: "There's no way to know how many octets are supposed to be here.\r\n",
        length: "5",
      },
    ),
  );
  add(
    "3.3.10",
    "200 OK with a broadcast Via",
    false,
    response("SIP/2.0 200 OK", { Via: `SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1324923` }),
  );
  add(
    "3.3.11",
    "Max-Forwards of zero",
    false,
    request("OPTIONS", { "Max-Forwards": "0" }, { line: `OPTIONS sip:${domain} SIP/2.0` }),
  );
  add(
    "3.3.12",
    "REGISTER with a Contact parameter",
    true,
    request("REGISTER", { Contact: `sip:+19725552222@${own}:${port};unknownparam` }),
  );
  add(
    "3.3.13",
    "REGISTER with a URL parameter",
    true,
    request("REGISTER", { Contact: `<sip:+19725552222@${own}:${port};unknownparam>` }),
  );
  add(
    "3.3.14",
    "REGISTER with a URI with escaped headers",
    true,
    request("REGISTER", { Contact: `<sip:${user}@${own}:${port}?Route=%3Csip:sip.example.com%3E>` }),
  );
  add(
    "3.3.15",
    "unacceptable Accept offering",
    true,
    request("INVITE", { Accept: "text/nobodyKnowsThis" }, { length: "0" }),
  );

  add(
    "3.4.1",
    "INVITE with RFC 2543 syntax",
    false,
    bytes([
      crlf(`INVITE sip:600@${domain} SIP/2.0
Via: SIP/2.0/UDP ${own}:${port}
From: "iuser" <sip:${user}@${domain}>
To: sip:600@${domain}
Call-ID: inv2543.1717@${own}
CSeq: 56 INVITE
${authorization === undefined ? "" : `${authorization("INVITE", uri)}\n`}Content-Type: application/sdp

v=0
o=cisco 29 29 IN IP4 ${own}
s=SIP Call
c=IN IP4 ${own}
t=0 0
m=audio 49217 RTP/AVP 0
`),
    ]),
  );
  return messages;
}
