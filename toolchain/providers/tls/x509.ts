/**
 * The certificate library, loaded with the metadata polyfill that one of its parts asks for. It takes as long to load
 * as all the rest of the provider, so it is imported where something is signed: a preview signs nothing.
 */
import "reflect-metadata";

export * from "@peculiar/x509";
export type { JsonGeneralName as GeneralName } from "@peculiar/x509";
