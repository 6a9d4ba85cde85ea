// Builds the dashboard: generates the wire schema's TypeScript, bundles, hashes names, compresses beforehand.
//   node build.mjs [--out DIR] [--generate] [--watch] [--client DIR]
// --generate stops after the schema; --watch rebuilds (uncompressed) at each change, for `telemetry-hub serve --web-root dist`.
// --client makes DIR/telemetry-live.mjs and its types instead: src/wire alone, for other people's pages and Node programs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

export function generate() {
  const out = join(here, 'src/gen');
  const proto = join(here, '../proto');
  const sources = ['telemetry/v1/readings.proto', 'telemetry/v1/live.proto'].map((name) => join(proto, name));
  const stamp = join(out, '.stamp');
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  execFileSync(
    'protoc',
    [
      `--plugin=protoc-gen-es=${join(here, 'node_modules/.bin/protoc-gen-es')}`,
      `-I${proto}`,
      `--es_out=${out}`,
      '--es_opt=target=ts,import_extension=js',
      ...sources,
    ],
    { stdio: 'inherit' },
  );
  writeFileSync(stamp, wanted);
}

export const bundleOptions = {
  absWorkingDir: here,
  bundle: true,
  format: 'esm',
  target: ['es2020', 'chrome87', 'firefox85', 'safari14.1'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  // Generated files import each other with .js, which only exists after TypeScript's own emit.
  resolveExtensions: ['.tsx', '.ts', '.js', '.mjs', '.css'],
};

/** The client's types in one file, self-contained. Made anew only where something it is made of has changed. */
function describe(path) {
  const hash = createHash('sha256');
  const folder = join(here, 'src/wire');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  for (const name of sources.map((name) => join(folder, name))) hash.update(readFileSync(name));
  for (const name of ['package-lock.json', 'tsconfig.client.json', 'src/gen/.stamp']) hash.update(readFileSync(join(here, name)));
  const stamp = `// ${hash.digest('hex')}\n`;
  if (existsSync(path) && readFileSync(path, 'utf8').startsWith(stamp)) return;
  execFileSync(
    join(here, 'node_modules/.bin/dts-bundle-generator'),
    ['--project', 'tsconfig.client.json', '--no-banner', '--silent', '-o', path, 'src/wire/index.ts'],
    { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  writeFileSync(path, stamp + readFileSync(path, 'utf8'));
}

function page(script, style, icon) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Telemetry Hub">
<title>Telemetry Hub</title>
<link rel="icon" type="image/svg+xml" href="/assets/${icon}">
<link rel="stylesheet" href="/assets/${style}">
<script type="module" src="/assets/${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript>Telemetry Hub needs JavaScript.</noscript>
</body>
</html>
`;
}

function hashed(name, extension, content) {
  return `${name}-${createHash('sha256').update(content).digest('hex').slice(0, 10)}.${extension}`;
}

/** Writes a file and, unless in watch mode, its .gz and .br; both reproducible (no time stamps). */
function put(path, content, compress) {
  const bytes = Buffer.from(content);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  if (!compress) return;
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      },
    }),
  );
}

function emit(out, outputFiles, compress) {
  // Only what this script makes is removed: DIR may be anybody's.
  for (const name of ['index.html', 'index.html.gz', 'index.html.br', 'assets']) {
    rmSync(join(out, name), { recursive: true, force: true });
  }
  const script = outputFiles.find((file) => file.path.endsWith('.js')).contents;
  const style = outputFiles.find((file) => file.path.endsWith('.css')).contents;
  const icon = readFileSync(join(here, 'src/ui/icon.svg'));
  const names = {
    script: hashed('dashboard', 'js', script),
    style: hashed('dashboard', 'css', style),
    icon: hashed('icon', 'svg', icon),
  };
  put(join(out, 'assets', names.script), script, compress);
  put(join(out, 'assets', names.style), style, compress);
  put(join(out, 'assets', names.icon), icon, compress);
  put(join(out, 'index.html'), page(names.script, names.style, names.icon), compress);
}

function argument(name, fallback) {
  const at = process.argv.indexOf(name);
  if (at < 0) return fallback;
  const value = process.argv[at + 1];
  if (!value) {
    console.error(`build.mjs: ${name} needs a value`);
    process.exit(2);
  }
  return value;
}

async function main() {
  generate();
  if (process.argv.includes('--generate')) return;
  const client = argument('--client', '');
  if (client) {
    await esbuild.build({
      ...bundleOptions,
      entryPoints: { 'telemetry-live': 'src/wire/index.ts' },
      outdir: resolve(client),
      outExtension: { '.js': '.mjs' },
    });
    describe(join(resolve(client), 'telemetry-live.d.mts'));
    return;
  }
  const out = resolve(argument('--out', join(here, 'dist')));
  const watch = process.argv.includes('--watch');
  const options = {
    ...bundleOptions,
    entryPoints: { dashboard: 'src/main.tsx' },
    outdir: out,
    write: false,
    minify: !watch,
    sourcemap: watch ? 'inline' : false,
    define: { 'process.env.NODE_ENV': '"production"' },
  };
  if (watch) {
    const emitter = {
      name: 'emit',
      setup(build) {
        build.onEnd((result) => {
          if (result.errors.length === 0) emit(out, result.outputFiles, false);
        });
      },
    };
    const context = await esbuild.context({ ...options, plugins: [emitter] });
    await context.watch();
    return;
  }
  const result = await esbuild.build(options);
  emit(out, result.outputFiles, true);
  for (const name of ['index.html', ...readdirSync(join(out, 'assets')).map((file) => `assets/${file}`)]) {
    if (/\.(br|gz)$/.test(name)) continue;
    const size = (suffix) => statSync(join(out, name + suffix)).size;
    console.log(`${name}  ${size('')} bytes, gzip ${size('.gz')}, brotli ${size('.br')}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
