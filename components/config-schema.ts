import * as z from "zod/mini";
import { credentialName } from "../configs/acme/index.ts";
import { receives } from "../configs/alertmanager/index.ts";
import { asteriskDefaults } from "../configs/asterisk/index.ts";
import { admissionDefaults } from "../configs/kamailio/admission.ts";
import { patternProblem, scannerPattern, scannerUserAgents } from "../configs/kamailio/user-agents.ts";
import { ipv6Transports, kamailioDefaults, type KamailioLimits } from "../configs/kamailio/index.ts";
import { srtpRules, type SrtpRule } from "../configs/kamailio/media.ts";
import { mariadbDefaults } from "../configs/mariadb/index.ts";
import { defaultClass, subscriberNameProblem } from "../configs/mariadb/rows.ts";
import { prometheusDefaults } from "../configs/prometheus/index.ts";
import { calledPattern, numberPattern, trunkNamePattern } from "../configs/mariadb/trunks.ts";
import { elasticsearchDefaults } from "../configs/elasticsearch/index.ts";
import { logstashDefaults } from "../configs/logstash/index.ts";
import { rtpengineCapacity, smallestSubnet6, smallestSubnets, type Subnets } from "./addresses.ts";
import { ownBase } from "./context-hash.ts";
import { defaultPinsFile, registryProblem } from "./image-pins.ts";
import { monitoringProfiles, optionalTools } from "./monitoring-tools.ts";
import { upstreamTools } from "./upstream-images.ts";
import { formatCidr, parseAddress, parseCidr } from "./ipv4.ts";
import { formatCidr6, parseAddress6, parseCidr6, parseNetwork } from "./ipv6.ts";

/** What documentation and error messages know about a key beside its type. */
export interface KeyMeta {
  readonly description?: string;
  /** A value for the command in an error message. Default: the key's own default. */
  readonly example?: string;
  /** Says what an absent value means where no constant can. */
  readonly defaultText?: string;
  /** Never shown in a message. */
  readonly secret?: boolean;
  readonly [key: string]: unknown;
}

// `zod/mini` is the same validator without a method for everything on every schema: it costs a run 60 ms less.
const { limits } = kamailioDefaults;

const integer = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));
const port = () => integer(1, 65535);

function documented<S extends z.ZodMiniType>(schema: S, meta: KeyMeta): S {
  z.globalRegistry.add(schema, meta);
  return schema;
}

/** A key that must be there. */
const required = documented;

/** A key that may be left out; what that means is in `defaultText`. */
const optional = <S extends z.ZodMiniType>(schema: S, meta: KeyMeta) => documented(z.optional(schema), meta);

/** A key with a constant default. */
const defaulted = <S extends z.ZodMiniType>(schema: S, value: z.output<S> & {}, meta: KeyMeta) =>
  documented(z._default(schema, value as never), meta);

/** Keys that belong together; an unknown one is an error. */
const section = <Shape extends z.core.$ZodShape>(shape: Shape) => z.prefault(z.strictObject(shape), {} as never);

/** A string, and a function that says what is wrong with it. */
const text = (problemOf: (value: string) => string | undefined) =>
  z.string().check((context) => {
    const message = problemOf(context.value);
    if (message !== undefined) context.issues.push({ code: "custom", message, input: context.value });
  });

const pattern = (expression: RegExp, message: string) =>
  text((value) => (expression.test(value) ? undefined : message));

const address = () =>
  text((value) => (parseAddress(value) === undefined ? "must be an IPv4 address such as 192.0.2.10" : undefined));

const network = () =>
  text((value) =>
    parseCidr(value.includes("/") ? value : `${value}/32`) === undefined
      ? "must be an IPv4 address or network such as 198.51.100.0/24"
      : undefined,
  );

const anyNetwork = () =>
  text((value) =>
    parseNetwork(value) === undefined
      ? "must be an address or network such as 198.51.100.0/24 or 2001:db8:7::/48"
      : undefined,
  );

const subnet6 = () =>
  text((value) => {
    const block = parseCidr6(value);
    if (block === undefined) return "must be an IPv6 subnet such as fd00:5bc::/64";
    if (formatCidr6(block) !== value) return `must be written as ${formatCidr6(block)}`;
    return block.prefix > smallestSubnet6
      ? `is too small; it must be a /${smallestSubnet6} or larger, such as a /64`
      : undefined;
  });

const subnet = (name: keyof Subnets) =>
  text((value) => {
    const block = parseCidr(value);
    const least = smallestSubnets[name];
    if (block === undefined) return "must be an IPv4 subnet such as 10.5.0.0/24";
    if (formatCidr(block) !== value) return `has host bits set; did you mean ${formatCidr(block)}`;
    return block.prefix > least ? `is too small; it must be a /${least} or larger, such as a /24` : undefined;
  });

const publishedPort = (internal: string, defaultText: string) =>
  optional(integer(0, 65535), { description: `Host port that leads to ${internal}; 0 publishes none.`, defaultText });

/** Host port of a dashboard. */
const dashboardPort = (what: string, value: number) =>
  defaulted(integer(1, 65535), value, { description: `Host port of ${what}.` });

/** RFC 1123 §2.1: letters, digits and hyphens in labels of at most 63 characters. */
const hostName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const limit = (key: keyof KamailioLimits, least: number, most: number, description: string) =>
  defaulted(integer(least, most), limits[key], { description });

/** What holds for the media of phones that come in one way. */
const srtp = (value: SrtpRule, who: string) =>
  defaulted(z.enum(srtpRules), value, {
    description: `SRTP of ${who}: neither offered nor taken, offered and taken (RFC 8643), or nothing else.`,
  });

const mailAddress = () => pattern(/^[^\s@,;<>"]+@[^\s@,;<>"]+$/, "must be a mail address such as ops@example.com");

/** Counts the rotations of a secret. */
const rotation = (secret: string) =>
  defaulted(integer(0, 1_000_000), 0, { description: `Raise it by one for a new ${secret}.` });

const resources = (role: string, memoryMb: string) =>
  section({
    memoryMb: optional(integer(64, 1_048_576), {
      description: `Memory limit of ${role} in MiB, swap included.`,
      defaultText: memoryMb,
    }),
    cpus: defaulted(z.number().check(z.minimum(0.1), z.maximum(1024)), 1, {
      description: `Processor limit of ${role}, in cores.`,
    }),
  });

/** Names that softphones take, digits included: `pulumi config set --path` stores `1001` as a number. */
const subscriberName = () =>
  z.pipe(z.pipe(z.union([z.string(), z.number()]), z.transform(String)), text(subscriberNameProblem));

/** Digits that a telephone number begins with, in international form without `+`. */
const numberPrefix = () =>
  digits(
    /^([1-9]\d{0,14}|any)$/,
    'must be the first digits of international numbers, without "+" or "00", such as 49, or any',
  );

/** Digits, which `pulumi config set --path` stores as a number. */
const digits = (expression: RegExp, message: string) =>
  z.pipe(z.pipe(z.union([z.string(), z.number()]), z.transform(String)), pattern(expression, message));

const phoneNumber = () => digits(numberPattern, "must be digits, with or without a leading +, at most 31");

const className = () =>
  pattern(/^[a-z][a-z0-9-]{0,31}$/, "must be a letter, then letters, digits and hyphens, in lower case, at most 32");

/** A carrier. */
const trunk = () =>
  z.strictObject({
    name: required(
      pattern(trunkNamePattern, "must be a letter, then letters, digits and hyphens, in lower case, at most 32"),
      { description: "Name of the trunk in metrics, call records and commands.", example: "carrier" },
    ),
    hosts: defaulted(
      z.array(
        z.strictObject({
          host: required(
            text((value) =>
              hostName.test(value) || parseAddress(value) !== undefined
                ? undefined
                : "must be a host name in lower case or an IPv4 address",
            ),
            { description: "IPv4 address or name of the host.", example: "sip.carrier.example" },
          ),
          port: optional(port(), { description: "Its port.", defaultText: "5060, for TLS 5061", example: "5060" }),
          transport: defaulted(z.enum(["udp", "tcp", "tls"]), "udp", { description: "How SIP gets there." }),
        }),
      ),
      [],
      { description: "The carrier's hosts, in the order in which they are tried.", defaultText: "required" },
    ),
    direction: defaulted(z.enum(["both", "in", "out"]), "both", { description: "Calls from it, to it, or both." }),
    addresses: defaulted(z.array(network()), [], {
      description: "Networks that its calls come from.",
      defaultText: "the hosts that are addresses",
      example: "192.0.2.0/28",
    }),
    certificateName: optional(pattern(hostName, "must be a host name in lower case, such as sip.carrier.example"), {
      description: "Name of the device of `sbc:devices` by whose certificate it is known on the mutual TLS port.",
      defaultText: "none",
      example: "sip.carrier.example",
    }),
    domain: optional(pattern(hostName, "must be a host name in lower case or an address"), {
      description: "Host part of Request-URI, From and P-Asserted-Identity.",
      defaultText: "the host",
      example: "sip.carrier.example",
    }),
    username: optional(pattern(/^[^\s:"'\\]{1,64}$/, "must be a user name without blanks, quotes and colons"), {
      description: "Account at the carrier, for its challenges and for the registration.",
      defaultText: "none",
      example: "customer",
    }),
    password: optional(z.string(), {
      description: "Its password, set with `--secret`.",
      defaultText: "none",
      secret: true,
    }),
    realm: optional(z.string(), {
      description: "Realm of its challenges; no other is answered.",
      defaultText: "`domain`, or the first host",
      example: "sip.carrier.example",
    }),
    registerSeconds: optional(integer(60, 86_400), {
      description: "Registers at the first host, for so many seconds each.",
      defaultText: "no registration",
      example: "600",
    }),
    prefixes: defaulted(
      z.array(
        z.strictObject({
          prefix: required(phoneNumber(), {
            description: "Numbers that begin so go out by it; the longest wins.",
            example: "+49",
          }),
          order: defaulted(integer(1, 1000), 1, {
            description: "Among trunks with the same prefix, the lowest is tried first.",
          }),
          strip: defaulted(integer(0, 31), 0, { description: "Characters that are taken off the dialled number." }),
          add: defaulted(digits(/^\+?[0-9]{0,31}$/, "must be digits, with or without a leading +"), "", {
            description: "What is put before it then.",
          }),
        }),
      ),
      [],
      { description: "What can be called by it." },
    ),
    numbers: defaulted(
      z.array(
        z.strictObject({
          number: required(digits(calledPattern, "must be a number as the carrier sends it, such as +49301234"), {
            description: "Called number, as the carrier sends it.",
            example: "+49301234",
          }),
          subscriber: required(subscriberName(), { description: "Whose phone rings.", example: "alice" }),
        }),
      ),
      [],
      { description: "Numbers that it delivers; any other is 404." },
    ),
    callerId: section({
      mode: defaulted(z.enum(["subscriber", "allowed", "fixed", "anonymous"]), "subscriber", {
        description:
          "What the called party sees: the caller's own number of the trunk, his name if it is in `allowed`, `number`, or nothing.",
      }),
      number: optional(phoneNumber(), {
        description: "Shown when the mode gives none.",
        defaultText: "none: anonymous",
        example: "+49301230",
      }),
      allowed: defaulted(z.array(phoneNumber()), [], {
        description: "Names of subscribers that may be shown.",
        example: "+49301231",
      }),
    }),
    maxCalls: defaulted(integer(1, 100_000), 30, { description: "Calls at once." }),
    maxCallsPerSecond: defaulted(integer(1, 10_000), 10, { description: "New calls in a second." }),
    srtp: optional(z.enum(srtpRules), {
      description: "SRTP with the trunk: neither offered nor taken, offered and taken (RFC 8643), or nothing else.",
      defaultText: "`optional` when every host is reached over TLS, else `off`",
      example: "required",
    }),
    tls: section({
      ca: optional(
        text((value) => (value.includes("-----BEGIN CERTIFICATE-----") ? undefined : "must be certificates in PEM")),
        {
          description: "CAs that alone are believed for its hosts over TLS, PEM.",
          defaultText: "the public CAs",
          example: '"$(cat carrier-ca.pem)"',
        },
      ),
      names: defaulted(z.array(pattern(hostName, "must be a host name in lower case or an address")), [], {
        description: "Names of which the certificate of a host over TLS has to hold one.",
        defaultText: "`domain` and the hosts over TLS",
        example: "sip.carrier.example",
      }),
      verify: defaulted(z.enum(["host", "chain"]), "host", {
        description: "What is asked of that certificate: a name as well, or only that it is of the CA.",
      }),
    }),
    transit: defaulted(z.boolean(), false, { description: "Calls that came from a trunk may leave by it." }),
    probe: defaulted(z.boolean(), true, {
      description:
        "OPTIONS ask the hosts whether they are there; false for a carrier that does not answer them with 200.",
    }),
  });

/**
 * All configuration of a stack, keys below `sbc:`. Defaults that depend on the environment or the stack are filled in by
 * {@link resolveConfig}; rules that need more than one key are in config-rules.ts.
 */
export const configSchema = z.strictObject({
  name: defaulted(
    pattern(/^([a-z][a-z0-9-]{0,38}[a-z0-9])?$/, "must be letters, digits and hyphens in lower case, at most 40"),
    "",
    {
      description: "First part of the names of all containers, networks and volumes.",
      defaultText: "`sbc-<stack>`",
      example: "sbc-dev",
    },
  ),
  environment: defaulted(z.enum(["dev", "prod"]), "dev", {
    description: "Sets the defaults and how strict the rules are.",
  }),
  domain: required(pattern(hostName, "must be a host name in lower case, such as sip.example.com"), {
    description: "SIP domain of the subscribers, digest realm, and name in the certificate.",
    example: "sip.example.com",
  }),
  edge: section({
    bind: optional(address(), {
      description:
        "Host address on which ports are published; with media on the host's network also its media address.",
      defaultText: "`127.0.0.1` in dev, required in prod",
      example: "192.0.2.10",
    }),
    publicAddress: optional(address(), {
      description: "Address that phones are told to use, in SIP and in SDP.",
      defaultText: "dev: the container's own; required in prod",
      example: "198.51.100.7",
    }),
    ports: section({
      udp: publishedPort("5060/udp", "5060 in dev, 0 in prod"),
      tcp: publishedPort("5060/tcp", "5060 in dev, 0 in prod"),
      tls: publishedPort("5061/tcp (TLS)", "5061"),
      mutualTls: defaulted(integer(0, 65535), 0, {
        description:
          "Host port that leads to 5062/tcp (TLS), where only devices of `sbc:devices` get in; 0: there is no such socket.",
      }),
      wss: defaulted(integer(0, 65535), 0, {
        description: "Host port that leads to 8443/tcp, the WebSocket (TLS) for browsers; 0: there is no such socket.",
        example: "8443",
      }),
      trunkUdp: defaulted(integer(0, 65535), 0, {
        description: "Host port of a UDP socket that only the addresses of trunks may use; 0 makes none.",
        example: "5070",
      }),
      trunkTcp: defaulted(integer(0, 65535), 0, {
        description: "Host port of a TCP socket that only the addresses of trunks may use; 0 makes none.",
        example: "5070",
      }),
    }),
    websocketOrigins: defaulted(
      z.array(
        pattern(
          /^https?:\/\/(?=.{1,80}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9]\d{0,4})?$/,
          "must be the origin of a page as browsers send it, such as https://phone.example.com: no path, no default port",
        ),
      ),
      [],
      {
        description: "Pages whose scripts may open the WebSocket, by their origin. Reloaded live.",
        defaultText: "none; required with `ports.wss`",
        example: "https://phone.example.com",
      },
    ),
    ipv6: section({
      subnet: optional(subnet6(), {
        description:
          "IPv6 subnet of sbc_net, a /112 or larger, which the network routes to this host; with it the edge listens on IPv6 too.",
        defaultText: "none: IPv4 alone",
        example: "fd00:5bc::/64",
      }),
      transports: optional(z.array(z.enum(ipv6Transports)), {
        description: "What listens on IPv6, on the ports of sbc_net: 5060, 5060, 5061, 5062 and 8443.",
        defaultText: "`udp`, `tcp` and `tls` in dev, `tls` in prod",
        example: "tls",
      }),
      mediaAddress: optional(
        text((value) =>
          parseAddress6(value) === undefined ? "must be an IPv6 address such as 2001:db8::10" : undefined,
        ),
        {
          description: "The host's IPv6 address for media with `sbc:rtp.mode` host.",
          defaultText: "required there with `subnet`",
          example: "2001:db8::10",
        },
      ),
    }),
    digest: defaulted(z.enum(["MD5", "SHA-256", "both"]), kamailioDefaults.digest, {
      description:
        "Hash of digest authentication: `SHA-256` shuts out phones that know MD5 only, `both` lets the phone choose.",
    }),
    topologyHiding: defaulted(z.boolean(), kamailioDefaults.topologyHiding, {
      description:
        "Phones see the edge alone in Via, Record-Route and Contact; a restart of the edge then loses the calls.",
    }),
    contactsPerSubscriber: defaulted(integer(1, 10), kamailioDefaults.contactsPerSubscriber, {
      description:
        "Phones of a subscriber that may be registered at once and ring together; a further one replaces the oldest.",
    }),
    transfers: defaulted(z.boolean(), kamailioDefaults.transfers, {
      description: "Phones may transfer their calls to others (REFER), blind or after a word with them.",
    }),
    trunkLogins: defaulted(z.boolean(), kamailioDefaults.trunkLogins, {
      description:
        "Trunks may have a `username` for the challenges of their carriers. Where none has, `false` saves a quarter of the edge's processor time.",
    }),
    workers: defaulted(integer(1, 64), kamailioDefaults.children, {
      description: "UDP workers of each socket; as many serve TCP and TLS. On more than 4 cores, half their number.",
    }),
    sharedMemoryMb: defaulted(integer(32, 65536), kamailioDefaults.sharedMemoryMb, {
      description: "Kamailio's shared memory in MiB, about 0.2 for each call per second.",
    }),
    packageMemoryMb: defaulted(integer(4, 1024), kamailioDefaults.packageMemoryMb, {
      description: "Private memory of each Kamailio process in MiB.",
    }),
    logLevel: defaulted(integer(-1, 3), kamailioDefaults.logLevel, {
      description: "Kamailio's log level: -1 errors, 0 warnings, 1 notices, 2 information, 3 debug.",
    }),
  }),
  networks: section({
    sbc: defaulted(subnet("sbc"), "10.5.0.0/24", { description: "Subnet of edge and voice, a /26 or larger." }),
    monitoring: defaulted(subnet("monitoring"), "10.6.0.0/24", {
      description: "Internal subnet of metrics and logs, a /25 or larger.",
    }),
    data: defaulted(subnet("data"), "10.7.0.0/24", { description: "Internal subnet of databases, a /25 or larger." }),
    front: defaulted(subnet("front"), "10.8.0.0/24", {
      description: "Subnet of the dashboards' front door, a /28 or larger; made with monitoring only.",
    }),
  }),
  asterisk: section({
    nodes: defaulted(integer(1, 1000), 2, { description: "Asterisk nodes, `asterisk-1` and up." }),
    drain: defaulted(z.array(z.string()), [], {
      description: "Nodes that get no new calls, before they are removed or replaced.",
      example: "asterisk-2",
    }),
    weights: defaulted(
      z.record(z.string(), integer(1, 100)),
      {},
      {
        description:
          "Shares of the calls by node, relative to each other; a node that is not named has 1. None: each node in turn.",
        defaultText: "none",
      },
    ),
    rtpPorts: section({
      min: defaulted(port(), asteriskDefaults.rtpPorts.min, { description: "First UDP port for media on each node." }),
      max: defaulted(port(), asteriskDefaults.rtpPorts.max, { description: "Last UDP port for media on each node." }),
    }),
    maxCalls: defaulted(integer(1, 100_000), asteriskDefaults.maxCalls, {
      description: "Calls per node; one more goes to the next node.",
    }),
    ringSeconds: defaulted(integer(5, 300), asteriskDefaults.ringSeconds, {
      description: "Seconds that a phone rings before voicemail answers.",
    }),
    voicemailWhen: defaulted(z.array(z.enum(["unanswered", "unreachable"])), [...asteriskDefaults.voicemailWhen], {
      description: "When voicemail answers.",
    }),
    serviceMaxSeconds: defaulted(integer(10, 86_400), asteriskDefaults.serviceMaxSeconds, {
      description: "Longest stay in echo, music, voicemail or a conference, in seconds.",
    }),
  }),
  rtp: section({
    mode: optional(z.enum(["bridge", "host"]), {
      description: "Where RTPengine runs: on sbc_net, or on the host's network.",
      defaultText: "`bridge` in dev, `host` in prod",
    }),
    publish: defaulted(z.boolean(), false, {
      description:
        "Publish the whole port range (bridge mode, at most 40 ports); for hosts that cannot route to sbc_net.",
    }),
    portMin: optional(integer(1024, 65535), {
      description: "First UDP port for media; 4 ports a leg.",
      defaultText: "30000",
      example: "30000",
    }),
    portMax: optional(integer(1024, 65535), {
      description: "Last UDP port for media.",
      defaultText: "39999, or 30039 when published",
      example: "30039",
    }),
    threads: defaulted(integer(1, 256), 2, { description: "Worker threads of each RTPengine." }),
    instances: defaulted(integer(1, rtpengineCapacity), 1, {
      description: "RTPengines, `rtpengine-1` and up; a call's media goes through one of them.",
    }),
    drain: defaulted(z.array(z.string()), [], {
      description: "RTPengines that get no new calls, before they are removed or replaced.",
      example: "rtpengine-2",
    }),
    srtp: section({
      udp: srtp("off", "phones on UDP"),
      tcp: srtp("off", "phones on TCP"),
      tls: optional(z.enum(srtpRules), {
        description: "SRTP of phones on TLS.",
        defaultText: "`optional` in dev, `required` in prod",
        example: "required",
      }),
      mutualTls: srtp("required", "devices on the mutual TLS port"),
    }),
  }),
  subscribers: defaulted(
    z.array(
      z.strictObject({
        name: required(subscriberName(), {
          description: "User part of the SIP address; the password is generated.",
          example: "alice",
        }),
        class: defaulted(className(), defaultClass, { description: "Class whose rules apply to this subscriber." }),
        rotation: rotation("password of this subscriber"),
      }),
    ),
    [],
    { description: "Accounts that the stack makes. Accounts that an operator added are left alone." },
  ),
  classes: defaulted(
    z.array(
      z.strictObject({
        name: required(className(), {
          description: `Name of the class. \`${defaultClass}\` is that of subscribers that name none.`,
          example: "office",
        }),
        signature: defaulted(z.enum(["optional", "required"]), "optional", {
          description: "`X-Company-Signature` in REGISTER and INVITE: must be there, or only right where it is sent.",
        }),
        certificate: defaulted(z.enum(["optional", "required"]), "optional", {
          description: "Whether subscribers of this class get in by the mutual TLS port only.",
        }),
        maxCalls: defaulted(integer(0, 100_000), admissionDefaults.maxCalls, {
          description: "Calls that one subscriber may make at once; 0: any number.",
        }),
        callsPerSecond: defaulted(integer(0, 10_000), admissionDefaults.callsPerSecond, {
          description: "Calls that one subscriber may begin in a second; 0: any number.",
        }),
        callMaxSeconds: optional(integer(60, 604_800), {
          description: "Longest call in seconds.",
          defaultText: "`sbc:timers.callMaxSeconds`",
          example: "3600",
        }),
        destinations: defaulted(z.array(numberPrefix()), [], {
          description: "Beginnings of the numbers that may be called by a trunk, or `any`.",
          example: "49",
        }),
        dailyCalls: defaulted(integer(0, 1_000_000), admissionDefaults.dailyCalls, {
          description: "Calls by a trunk that one subscriber may begin in a day (UTC); 0: any number.",
        }),
        dailyMinutes: defaulted(integer(0, 1_000_000), admissionDefaults.dailyMinutes, {
          description: "Minutes by a trunk that one subscriber may talk in a day (UTC); 0: any number.",
        }),
      }),
    ),
    [],
    { description: "Rules for subscribers by class. What a class does not say is as in a class that is not listed." },
  ),
  signature: section({
    mode: defaulted(z.enum(["off", "static", "hmac"]), kamailioDefaults.signature, {
      description: "What `X-Company-Signature` holds: it is not looked at; a key itself; or a code made with a key.",
    }),
    keys: defaulted(
      z.array(
        z.strictObject({
          id: required(pattern(/^[A-Za-z0-9_-]{1,32}$/, "must be letters, digits, _ and -, at most 32"), {
            description: "Name of the key, which `hmac` sends along.",
            example: "2026",
          }),
          key: optional(
            pattern(/^[A-Za-z0-9._~+/=-]{32,128}$/, "must be 32 to 128 letters, digits and . _ ~ + / = -"),
            {
              description: "The key itself, where it must be one that devices have already; set with `--secret`.",
              defaultText: "generated",
              secret: true,
            },
          ),
          rotation: rotation("generated key"),
        }),
      ),
      [],
      { description: "Keys of `X-Company-Signature`, all of them good at once." },
    ),
  }),
  devices: defaulted(
    z.array(
      z.strictObject({
        name: required(
          pattern(
            /^(?=.{1,63}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
            "must be letters, digits, dots and hyphens in lower case, at most 63",
          ),
          { description: "Name of the device, and common name of its certificate.", example: "desk-1" },
        ),
        subscriber: optional(subscriberName(), {
          description: "The only subscriber that the device may authenticate as.",
          defaultText: "none: of the trunk whose `certificateName` is the device's name",
          example: "alice",
        }),
        revoked: defaulted(z.boolean(), false, { description: "The certificate is not let in any more." }),
        rotation: rotation("key and certificate of this device; the old one is not let in any more"),
      }),
    ),
    [],
    { description: "Devices that get a client certificate of the stack's device CA, for the mutual TLS port." },
  ),
  trunks: defaulted(z.array(trunk()), [], { description: "Carriers and other exchanges. Reloaded live." }),
  emergency: defaulted(
    z.array(
      z.strictObject({
        number: required(digits(numberPattern, "must be digits, such as 112"), {
          description: "Number that is dialled. No limit and no guard applies to it.",
          example: "112",
        }),
        trunks: defaulted(z.array(z.string()), [], {
          description: "Trunks in the order in which they are tried; the number goes out as it is.",
        }),
        subscriber: optional(subscriberName(), {
          description: "Subscriber whose phone rings instead.",
          defaultText: "none",
          example: "alice",
        }),
      }),
    ),
    [],
    { description: "Emergency numbers. Reloaded live." },
  ),
  certificates: section({
    mode: optional(z.enum(["generated", "provided", "acme"]), {
      description: "A certificate of a private CA, the operator's own, or one that an ACME CA issues and renews.",
      defaultText: "`generated` in dev, `provided` in prod",
    }),
    validityDays: defaulted(integer(31, 397), 365, { description: "Life of a generated certificate in days." }),
    renewDays: defaulted(integer(30, 396), 30, {
      description: "Days before its end on which a generated certificate is renewed by the next `up`.",
    }),
    names: defaulted(
      z.array(
        text((value) =>
          hostName.test(value) || parseAddress(value) !== undefined
            ? undefined
            : "must be a host name in lower case or an IPv4 address",
        ),
      ),
      [],
      {
        description: "Host names and IPv4 addresses that the certificate has to cover beside `sbc:domain`.",
        example: "edge.example.com",
      },
    ),
    minDays: defaulted(integer(1, 90), 14, {
      description:
        "Days that must be left of the certificate. Provided: else `up` changes nothing; ACME: else its container is unhealthy.",
    }),
    chainFile: optional(z.string(), {
      description: "Provided: file with the certificate and its intermediates, PEM.",
      defaultText: "required, or `chain`",
      example: "certificates/fullchain.pem",
    }),
    keyFile: optional(z.string(), {
      description: "Provided: file with the private key, PEM.",
      defaultText: "required, or `key`",
      example: "certificates/privkey.pem",
    }),
    caFile: optional(z.string(), {
      description: "Provided, ACME: file with the CA that phones have to trust, PEM.",
      defaultText: "provided: the root that the chain leads to; ACME: a public CA",
      example: "certificates/ca.pem",
    }),
    chain: optional(z.string(), { description: "Provided: the chain itself.", defaultText: "" }),
    key: optional(z.string(), {
      description: "Provided: the private key itself, set with `--secret`.",
      defaultText: "",
      secret: true,
    }),
    acme: section({
      email: optional(
        text((value) => (/^[^\s@']+@[^\s@']+$/.test(value) ? undefined : "must be a mail address")),
        {
          description: "Contact of the account at the CA. Setting it agrees to the CA's terms.",
          defaultText: "required with `acme`",
          example: "operator@example.com",
        },
      ),
      directory: defaulted(
        text((value) => (URL.canParse(value) && /^https:/.test(value) ? undefined : "must be an https URL")),
        "https://acme-v02.api.letsencrypt.org/directory",
        { description: "The CA's directory." },
      ),
      directoryCaFile: optional(z.string(), {
        description: "File with the CA that signed the directory's own certificate, PEM.",
        defaultText: "public CAs",
        example: "certificates/acme-ca.pem",
      }),
      challenge: defaulted(z.enum(["http-01", "dns-01"]), "http-01", {
        description: "How the CA finds out that the names are yours: by HTTP on port 80, or by a DNS record.",
      }),
      httpPort: defaulted(port(), 80, {
        description: "HTTP-01: host port of `sbc:edge.bind` that answers; CAs ask port 80 of the public address.",
      }),
      dnsProvider: optional(
        pattern(/^[a-z0-9]+$/, "must be lego's code of a DNS provider, such as cloudflare or rfc2136"),
        {
          description: "DNS-01: [lego's code](https://go-acme.github.io/lego/dns/) of the DNS provider.",
          defaultText: "required with `dns-01`",
          example: "cloudflare",
        },
      ),
      dnsCredentials: defaulted(
        z.record(
          pattern(credentialName, "must be named as lego names the variable, such as CLOUDFLARE_DNS_API_TOKEN"),
          z.string(),
        ),
        {},
        {
          description: "DNS-01: the provider's settings by lego's variable names, set with `--secret`.",
          defaultText: "required with `dns-01`",
          secret: true,
        },
      ),
      dnsResolvers: defaulted(
        z.array(pattern(/^[a-z0-9.-]+:\d{1,5}$/, "must be HOST:PORT, such as 192.0.2.53:53")),
        [],
        {
          description: "DNS-01: name servers, `HOST:PORT`, that see the zone as the CA does.",
          defaultText: "those of the host",
          example: "192.0.2.53:53",
        },
      ),
    }),
  }),
  rotation: section({
    dashboards: rotation("password of the front door"),
    homer: rotation("password of HOMER's user `admin`"),
    homerDatabase: rotation("password of HOMER's database"),
    grafana: rotation("password of Grafana's user `admin`; its container is replaced"),
    logs: rotation("passwords of Elasticsearch's users, Kibana's log-in among them"),
    database: section({
      kamailio: rotation("password of the database's user `kamailio`"),
      asterisk: rotation("password of the database's user `asterisk`"),
      report: rotation("password of the database's user `report`"),
      exporter: rotation("password of the database's user `exporter`"),
      schema: rotation("password of the database's user `schema`"),
    }),
    edge: section({
      opsToken: rotation("token of Kamailio's JSON-RPC"),
      nonceKey: rotation("key of Kamailio's digest nonces"),
      eventsKey: rotation("key that requests to the events' API are signed with"),
    }),
    certificates: section({
      server: rotation("key and certificate of the TLS socket; generated certificates only"),
      ca: rotation("private CA; generated certificates only"),
      devices: rotation("device CA, which issues the certificates of all devices anew"),
    }),
  }),
  protection: section({
    pikeDensity: limit("pikeDensity", 2, 10_000, "Requests of one source in 2 seconds after which it is banned."),
    officeDensity: limit(
      "officeDensity",
      2,
      100_000,
      "Requests that a source of `office` may send in 2 seconds; more are dropped, without a ban.",
    ),
    trunkDensity: limit("trunkDensity", 2, 100_000, "The same for each address of a trunk."),
    banSeconds: limit("banSeconds", 1, 604_800, "Seconds that a banned source is ignored."),
    banMaxSeconds: limit("banMaxSeconds", 1, 604_800, "Seconds for which a flood that goes on can make a ban last."),
    authFailuresPerUser: limit("authFailuresPerUser", 1, 10_000, "Wrong passwords for one user that ban their source."),
    authFailuresPerSource: limit(
      "authFailuresPerSource",
      1,
      10_000,
      "Wrong passwords for any user that ban their source.",
    ),
    authWindowSeconds: limit("authWindowSeconds", 1, 86_400, "Seconds in which wrong passwords are counted."),
    nonceSeconds: limit("nonceSeconds", 10, 3600, "Seconds that a digest nonce may be used."),
    messageMaxBytes: limit("messageMaxBytes", 1500, 65_535, "Largest SIP message in bytes."),
    uriMaxBytes: limit("uriMaxBytes", 64, 4096, "Longest Request-URI in bytes."),
    connectionsPerSource: limit("connectionsPerSource", 1, 65_535, "TCP and TLS connections of one source."),
    connections: limit("connections", 16, 1_048_576, "TCP and TLS connections of all sources."),
    idleConnectionSeconds: limit(
      "idleConnectionSeconds",
      5,
      3600,
      "Seconds without data after which a connection is closed whose user is not known.",
    ),
    blockedUserAgents: defaulted(
      z.array(pattern(/^[\x20-\x7e]{3,64}$/, "must be 3 to 64 characters of ASCII")),
      [...scannerUserAgents],
      {
        description: "Beginnings of User-Agents that are never answered, in any case of letters.",
        example: "badphone",
      },
    ),
    userAgentPattern: defaulted(text(patternProblem), scannerPattern, {
      description: "Regular expression; User-Agents in which it is found are never answered.",
      example: "scan(ner)?",
    }),
    maxCalls: defaulted(integer(0, 1_000_000), admissionDefaults.allCalls, {
      description: "Calls at once, of all subscribers together; 0: any number.",
    }),
    callsPerSecond: defaulted(integer(0, 100_000), admissionDefaults.allCallsPerSecond, {
      description: "Calls that all subscribers together may begin in a second; 0: any number.",
    }),
    premiumPrefixes: defaulted(z.array(numberPrefix()), [...admissionDefaults.premiumPrefixes], {
      description: "Beginnings of numbers that nobody may call by a trunk, whatever his class says.",
      example: "4990",
    }),
    numbering: section({
      internationalPrefix: defaulted(
        pattern(/^\d{1,6}$/, "must be 1 to 6 digits"),
        admissionDefaults.internationalPrefix,
        {
          description: "What is dialled before a country code, beside `+`.",
        },
      ),
      nationalPrefix: defaulted(pattern(/^\d{0,3}$/, "must be at most 3 digits"), admissionDefaults.nationalPrefix, {
        description: "What is dialled before an area code.",
      }),
      countryCode: defaulted(pattern(/^([1-9]\d{0,2})?$/, "must be 1 to 3 digits without + or 0"), "", {
        description:
          "Country in which numbers with `nationalPrefix` are. Without it such numbers are compared as dialled.",
        defaultText: "none",
        example: "49",
      }),
    }),
    blocked: defaulted(z.array(anyNetwork()), [], {
      description: "Networks that are never answered.",
      example: "203.0.113.0/24",
    }),
    unlimited: defaulted(z.array(anyNetwork()), [], {
      description: "Networks that are never counted or banned.",
      example: "203.0.113.0/24",
    }),
    office: defaulted(z.array(anyNetwork()), [], {
      description:
        "Networks with many phones behind few addresses: `officeDensity` goes for them, and no ban as a whole.",
      example: "203.0.113.0/24",
    }),
    allowed: defaulted(z.array(anyNetwork()), [], {
      description: "With any network in here, nobody else but trunks is answered.",
      defaultText: "everybody",
      example: "203.0.113.0/24",
    }),
  }),
  events: section({
    url: optional(
      text((value) =>
        URL.canParse(value) &&
        /^https?:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._~/%-]*)?(\?[A-Za-z0-9._~=&%-]*)?$/.test(value)
          ? undefined
          : "must be an http(s) URL without a password in it, such as https://api.example.com/sbc/events",
      ),
      {
        description: "HTTP API that is told of registrations and calls: docs/events.md. Only https in prod.",
        defaultText: "none: nothing is told",
        example: "https://api.example.com/sbc/events",
      },
    ),
    caFile: optional(z.string(), {
      description: "File with the CA that signed the API's certificate, PEM.",
      defaultText: "public CAs",
      example: "certificates/api-ca.pem",
    }),
    queue: defaulted(integer(100, 100_000), 10_000, {
      description: "Events that may wait for the API, about 0.5 KiB of shared memory each; what comes then is dropped.",
    }),
    maxAgeSeconds: defaulted(integer(10, 86_400), 600, {
      description: "Seconds after which an event that the API did not take is dropped.",
    }),
  }),
  timers: section({
    registrationMinSeconds: limit("registrationMinSeconds", 1, 86_400, "Shortest registration in seconds."),
    registrationMaxSeconds: limit("registrationMaxSeconds", 60, 86_400, "Longest registration in seconds."),
    callMaxSeconds: limit("callMaxSeconds", 60, 604_800, "Longest call in seconds."),
    nodeTimeoutMs: limit("nodeTimeoutMs", 500, 32_000, "Milliseconds after which a call is offered to the next node."),
    phoneTimeoutMs: limit("phoneTimeoutMs", 500, 32_000, "Milliseconds after which a silent phone counts as gone."),
    ringTimeoutMs: limit("ringTimeoutMs", 5000, 600_000, "Milliseconds that a call may ring."),
    nodePingSeconds: limit("nodePingSeconds", 1, 300, "Seconds between two OPTIONS to each node."),
    natPingSeconds: limit("natPingSeconds", 5, 300, "Seconds between two OPTIONS to each phone behind NAT."),
  }),
  database: section({
    bufferPoolMb: defaulted(integer(16, 1_048_576), mariadbDefaults.bufferPoolMb, {
      description: "InnoDB's buffer pool in MiB.",
    }),
    maxConnections: defaulted(integer(50, 10_000), mariadbDefaults.maxConnections, {
      description: "Connections at once.",
    }),
  }),
  accounting: section({
    retentionDays: defaulted(integer(1, 36_500), mariadbDefaults.retentionDays, {
      description: "Days that call records are kept. There is no for ever.",
    }),
    queueRows: defaulted(integer(100, 1_000_000), kamailioDefaults.callRecords.queueRows, {
      description: "Call records that may wait for the database, at most 1 KiB of shared memory each.",
    }),
    log: defaulted(z.boolean(), kamailioDefaults.callRecords.log, {
      description: "Write each call record to the log as well.",
    }),
  }),
  resources: section({
    kamailio: resources("Kamailio", "shared memory + 160"),
    rtpengine: resources("RTPengine", "256"),
    asterisk: resources("each Asterisk node", "512"),
    mariadb: resources("MariaDB", "buffer pool + 320"),
  }),
  limits: section({
    openFiles: defaulted(integer(1024, 1_048_576), 16_384, {
      description: "Open files per process; not above the Docker daemon's own limit.",
    }),
    processes: defaulted(integer(256, 1_048_576), 4096, {
      description: "Processes and threads per user id; the kernel counts all stacks of a host together.",
    }),
  }),
  logs: section({
    maxSizeMb: defaulted(integer(1, 10_240), 10, { description: "Size in MiB at which a container's log is rotated." }),
    maxFiles: defaulted(integer(1, 100), 3, { description: "Log files kept per container." }),
  }),
  monitoring: section({
    profile: defaulted(z.enum(monitoringProfiles), "off", {
      description:
        "What watches the stack: nothing; metrics only, for machines with less than 8 GB (`light`); metrics, SIP traces and logs.",
    }),
    bind: optional(address(), {
      description: "Host address that the dashboards are published on.",
      defaultText: "127.0.0.1",
      example: "192.0.2.10",
    }),
    names: defaulted(
      z.array(
        text((value) =>
          hostName.test(value) || parseAddress(value) !== undefined
            ? undefined
            : "must be a host name in lower case or an IPv4 address",
        ),
      ),
      [],
      {
        description: "Names and addresses by which browsers reach the dashboards; the first is in their URLs.",
        defaultText: "the host address",
        example: "dashboards.example.com",
      },
    ),
    user: defaulted(
      pattern(/^[a-z][a-z0-9._-]{0,31}$/, "must be a user name in lower case, without a colon"),
      "operator",
      {
        description: "Who may pass the front door; the password is generated.",
      },
    ),
    ports: section({
      landing: dashboardPort("the landing page", 9443),
      grafana: dashboardPort("Grafana", 3000),
      prometheus: dashboardPort("Prometheus", 9090),
      alertmanager: dashboardPort("Alertmanager", 9093),
      homer: dashboardPort("Homer", 9080),
      kibana: dashboardPort("Kibana", 5601),
    }),
    chainFile: optional(z.string(), {
      description: "Certificate of the front door with its intermediates, PEM.",
      defaultText: "in prod that of `sbc:certificates`, else one of the stack's own CA",
      example: "certificates/dashboards.pem",
    }),
    keyFile: optional(z.string(), {
      description: "Its private key, PEM; never committed.",
      defaultText: "as `chainFile`",
      example: "certificates/dashboards.key",
    }),
    homer: section({
      retentionDays: defaulted(integer(1, 3650), 14, { description: "Days that SIP messages are kept." }),
      maxGb: defaulted(integer(1, 10_240), 20, {
        description: "Size in GiB of HOMER's database above which the oldest messages go earlier.",
      }),
      nodes: defaulted(z.boolean(), false, {
        description:
          "Asterisk nodes copy their SIP and RTCP as well, which the edge and RTPengine have copied already: docs/decisions/hep-from-the-edge.md.",
      }),
    }),
    prometheus: section({
      retentionDays: defaulted(integer(1, 3650), prometheusDefaults.retentionDays, {
        description: "Days that metrics are kept. There is no for ever.",
      }),
      retentionSizeMb: defaulted(integer(256, 1_048_576), prometheusDefaults.retentionSizeMb, {
        description: "Size in MiB beyond which the oldest metrics go, whatever their age.",
      }),
      scrapeSeconds: defaulted(integer(1, 30), prometheusDefaults.scrapeSeconds, {
        description: "Seconds between two readings of all metrics, and between two evaluations of the rules.",
      }),
    }),
    alerts: section({
      webhooks: defaulted(
        z.array(
          z.strictObject({
            name: required(pattern(/^[a-z][a-z0-9-]{0,31}$/, "must be a letter, then letters, digits and hyphens"), {
              description: "Name of the receiver.",
              example: "chat",
            }),
            url: required(
              text((value) =>
                URL.canParse(value) && /^https?:\/\/[^\s@]+$/.test(value)
                  ? undefined
                  : "must be an http(s) URL without a password in it, such as https://alerts.example.com/sbc",
              ),
              {
                description: "Where alerts are posted to, as Alertmanager's webhook does it. Only https in prod.",
                example: "https://alerts.example.com/sbc",
              },
            ),
            token: optional(pattern(/^[!-~]+$/, "must be of visible ASCII characters without blanks"), {
              description: "Sent as `Authorization: Bearer`, set with `--secret`.",
              defaultText: "none",
              secret: true,
            }),
            caFile: optional(z.string(), {
              description: "File with the CA that signed its certificate, PEM.",
              defaultText: "public CAs",
              example: "certificates/alerts-ca.pem",
            }),
            receives: defaulted(z.enum(receives), "all", {
              description: "All alerts, the critical ones, or only the one that always fires (a dead man's switch).",
            }),
          }),
        ),
        [],
        { description: "HTTP APIs that are told of alerts." },
      ),
      email: optional(
        z.strictObject({
          to: required(z.array(mailAddress()).check(z.minLength(1)), {
            description: "Who gets the mails.",
            example: "ops@example.com",
          }),
          from: required(mailAddress(), { description: "Sender.", example: "sbc@example.com" }),
          host: required(pattern(hostName, "must be a host name in lower case or an address"), {
            description: "Mail server, by STARTTLS, or TLS from the beginning on port 465; never without.",
            example: "mail.example.com",
          }),
          port: defaulted(port(), 587, { description: "Its port." }),
          username: defaulted(z.string(), "", { description: "Account there.", defaultText: "no log-in" }),
          password: optional(
            pattern(
              /^[!-~]([ -~]*[!-~])?$/,
              "must be of ASCII characters, without a blank at either end: Alertmanager cuts those off",
            ),
            { description: "Its password, set with `--secret`.", defaultText: "none", secret: true },
          ),
          caFile: optional(z.string(), {
            description: "File with the CA that signed the mail server's certificate, PEM.",
            defaultText: "public CAs",
            example: "certificates/mail-ca.pem",
          }),
          receives: defaulted(z.enum(["all", "critical"]), "all", { description: "All alerts, or the critical ones." }),
        }),
        { description: "Mail server and addresses that alerts go to.", defaultText: "none" },
      ),
      unattended: optional(z.boolean(), {
        description: "Nobody is told of alerts: they are seen on the dashboards only.",
        defaultText: "true in dev, false in prod",
      }),
      asrPercent: defaulted(integer(0, 100), 40, {
        description: "Share of answered calls (ASR) below which it is told; depends on what people dial.",
      }),
      nerPercent: defaulted(integer(0, 100), 90, {
        description: "Share of calls that the network did its part in (NER) below which it is told.",
      }),
      patience: defaulted(z.number().check(z.minimum(0), z.maximum(10)), 1, {
        description: "Multiplies every time that an alert waits before it is told; 0 tells all at once, for tests.",
      }),
      runbooks: defaulted(z.string(), "docs/runbooks/", {
        description:
          "What the links to runbooks begin with, such as the URL of `docs/runbooks/` where your team reads it.",
        example: "https://git.example.com/sbc/blob/main/docs/runbooks/",
      }),
    }),
    without: defaulted(z.array(z.enum(optionalTools)), [], { description: "Tools of the profile that are left out." }),
    images: defaulted(
      z.partialRecord(
        z.enum(upstreamTools),
        pattern(/^[a-z0-9][a-zA-Z0-9._/:@-]*[:@][a-zA-Z0-9._:-]+$/, "must be an image name with a tag or digest"),
      ),
      {},
      {
        defaultText: "none",
        description: "Other images than those of `images/upstream.json`, by tool, such as of a mirror.",
      },
    ),
    logs: section({
      retentionDays: defaulted(integer(1, 3650), elasticsearchDefaults.retentionDays, {
        description: "Days that log lines can be searched. There is no for ever.",
      }),
      elasticsearchHeapMb: defaulted(integer(512, 31_744), elasticsearchDefaults.heapMb, {
        description: "Java heap of Elasticsearch in MiB; its container gets twice as much.",
      }),
      logstashHeapMb: defaulted(integer(256, 8192), logstashDefaults.heapMb, {
        description: "Java heap of Logstash in MiB; its container gets twice as much.",
      }),
      queueMb: defaulted(integer(64, 102_400), logstashDefaults.queueMb, {
        description: "MiB of log lines that may wait on disk while Elasticsearch is away.",
      }),
    }),
    unavailable: defaulted(
      z.partialRecord(z.enum(upstreamTools), z.string()),
      {},
      {
        defaultText: "none",
        description:
          "Tools whose image cannot be pulled, with the reason: written by `npm run up` into its copy of the stack file.",
      },
    ),
  }),
  images: section({
    source: defaulted(z.enum(["build", "registry"]), "build", {
      description: "Service images are built on the stack's engine, or pulled from a registry by digest.",
    }),
    registry: optional(
      text((name) => {
        const problem = registryProblem(name);
        return problem === undefined ? undefined : `${problem}; it must be HOST[:PORT]/PATH`;
      }),
      {
        description: "Registry to pull from, HOST[:PORT]/PATH.",
        defaultText: "required with `registry`",
        example: "registry.example.com/sbc",
      },
    ),
    pins: defaulted(z.string(), defaultPinsFile, {
      description: "File with the digests to pull, written by `npm run images -- pin`.",
    }),
    base: defaulted(pattern(/^[a-z0-9][a-z0-9._/:@-]*$/, "must be an image name with a tag or digest"), ownBase, {
      description: "Image that all service images are built on.",
    }),
  }),
});

/** Configuration with the schema's own defaults filled in. */
export type ConfigValues = z.output<typeof configSchema>;
