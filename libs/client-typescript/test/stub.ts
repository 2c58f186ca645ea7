/** A server that answers what a test tells it to, one answer after the other, and remembers what it was asked. */

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Planned {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** What is sent; where it is missing, the connection is broken instead of an answer. */
  readonly body?: unknown;
  /** The body as it is, such as a stream of events. */
  readonly text?: string;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Stub {
  readonly url: string;
  readonly asked: Asked[];
}

export async function withStub(answers: readonly Planned[], use: (stub: Stub) => Promise<void>): Promise<void> {
  const asked: Asked[] = [];
  const left = [...answers];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      asked.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
      const planned = left.length > 1 ? left.shift() : left[0];
      if (planned === undefined || (planned.body === undefined && planned.text === undefined)) {
        request.socket.destroy();
        return;
      }
      const kind = planned.text !== undefined ? "text/event-stream" : planned.status < 400 ? "application/json" : "application/problem+json";
      response.writeHead(planned.status, { "Content-Type": kind, Connection: "close", ...planned.headers });
      response.end(planned.text ?? JSON.stringify(planned.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await use({ url: `http://127.0.0.1:${port}`, asked });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
