// What an Avro schema looks like once its JSON text is parsed.

/** For the codec, the JSON form (`json-form.ts`) and the type generator. */
export interface AvroSchema {
  readonly type: string;
  readonly name: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
}
export interface AvroField {
  readonly name: string;
  readonly doc?: string;
  readonly type: AvroType;
  readonly default?: unknown;
}
export type AvroType = string | readonly AvroType[] | AvroComplex;
export interface AvroComplex {
  readonly type: string;
  readonly name?: string;
  readonly logicalType?: string;
  readonly items?: AvroType;
  readonly values?: AvroType;
  readonly symbols?: readonly string[];
  readonly fields?: readonly AvroField[];
}
