// Fails when the first load (the page and everything it names) is more than 120 KB of gzip.
//   node budget.mjs [DIR]
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const limit = 120 * 1000;
const dir = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), 'dist');
const page = readFileSync(join(dir, 'index.html'), 'utf8');
const names = ['index.html', ...[...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1])];
const total = names.reduce((sum, name) => sum + statSync(join(dir, `${name}.gz`)).size, 0);
if (names.length < 4) throw new Error(`index.html names only ${names.length - 1} assets`);
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i.test(page)) throw new Error('index.html has inline script or style');
console.log(`first load: ${total} bytes of gzip in ${names.length} files (limit ${limit})`);
process.exitCode = total <= limit ? 0 : 1;
