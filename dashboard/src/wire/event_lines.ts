/** One server-sent event; a comment has neither name nor data. */
export interface ServerEvent {
  name: string;
  data: string;
}

/** Cuts a text/event-stream into its events. Holds at most one, whose size the hub bounds. */
export class EventLines {
  private rest = '';
  private name = 'message';
  private data: string[] = [];

  *add(text: string): Generator<ServerEvent | null> {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line.startsWith('data:')) this.data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line.startsWith('event:')) this.name = line.slice(6).trim();
      else if (line.startsWith(':')) yield null;
      else if (line === '') {
        if (this.data.length > 0) yield { name: this.name, data: this.data.join('\n') };
        this.name = 'message';
        this.data = [];
      }
    }
  }
}
