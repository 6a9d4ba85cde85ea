import { useState } from 'preact/hooks';
import { text } from '../text/text';
import { Dialog } from './dialog';
import { Failure } from './views';

/** Asks before something that cannot be undone, and stays open with the reason where it fails. */
export function ConfirmDialog({
  title,
  body,
  action,
  onConfirm,
  onDone,
  onClose,
}: {
  title: string;
  body: string;
  action: string;
  onConfirm: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onDone();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{body}</p>
      {error !== null && <Failure error={error} />}
      <div class="dialog-actions">
        <button type="button" onClick={onClose}>
          {text.value.common.cancel}
        </button>
        <button type="button" class="danger" data-action="confirm" disabled={isBusy} onClick={() => void confirm()}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
