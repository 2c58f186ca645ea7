/** Reading server-sent events from an answer. */

import { EventSourceParserStream, type EventSourceMessage } from "eventsource-parser/stream";

/** The events of an answer, as they come; it ends when the connection does. */
export async function* eventsOf(response: Response): AsyncGenerator<EventSourceMessage> {
  if (response.body === null) return;
  const reader = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
