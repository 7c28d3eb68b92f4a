/** UDP port on which a collector of HEP (HOMER's encapsulation of SIP and RTCP) listens. */
export const hepPort = 9060;

/** Capture ids, by which the collector tells its sources apart: of the edge, of the first RTPengine and of the first Asterisk node. */
export const captureIds = { kamailio: 2001, rtpengine: 2101, asterisk: 2201 } as const;
