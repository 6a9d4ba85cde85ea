/** Those who want to hear of one thing. One that throws does not keep it from the others: `failed` is told. */
export class Listeners<T> {
  private readonly all = new Set<(value: T) => void>();

  constructor(private readonly failed: (error: unknown) => void) {}

  add(listener: (value: T) => void): () => void {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }
  tell(value: T): void {
    for (const listener of this.all) {
      try {
        listener(value);
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
