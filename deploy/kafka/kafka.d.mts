export type Kafka = {
  /** `host:port`, as KAFKA_BROKERS takes it. */
  readonly brokers: string;
  readonly dataDir: string;
  /** The broker's process id; another one after `restart`. */
  readonly pid: number;
  /** Settles with the exit code or signal name of the broker that runs now. */
  exited(): Promise<number | string>;
  /** Sends the signal (SIGKILL unless told) and returns when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  pause(): boolean;
  resume(): boolean;
  /** The same port and the same data; a broker that still runs is shut down first. Returns when it is ready again. */
  restart(): Promise<void>;
  /** Deletes the data when it was temporary. */
  stop(): Promise<void>;
};

export function kafkaMissing(): string | undefined;
export function resolveKafka(onLog?: (line: string) => void): Promise<string>;
/** A listener `host:port` with TLS (a PEM file that holds certificate and key) and one SCRAM-SHA-512 user. */
export type SecuredListener = { readonly listener: string; readonly keystore: string; readonly user: string; readonly password: string };

export function startKafka(options?: { dataDir?: string; port?: number; secured?: SecuredListener; onLog?: (line: string) => void }): Promise<Kafka>;
