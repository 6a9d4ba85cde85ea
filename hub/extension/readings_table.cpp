// The virtual table readings(device, series, time, value, unit, type, revision), for the sqlite3 shell.
//
// It calls the SQLite it was linked with, which must be the one that loads it: Debian's shell and Python use the shared
// library, and so does this. A program that carries an SQLite of its own is refused.
#define SQLITE_CORE 1  // the struct of sqlite3ext.h, without its macros
#include <sqlite3ext.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/storage/sqlite/folder_reader.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::extension {
namespace {

enum Column : int { kDevice, kSeries, kTime, kValue, kUnit, kType, kRevision, kFolder };
constexpr char kSchema[] =
    "CREATE TABLE readings(device TEXT, series TEXT, time INTEGER, value ANY, unit TEXT, type TEXT, revision INTEGER, "
    "folder TEXT HIDDEN)";
constexpr std::uint32_t kPage = 20'000;
/// A join asks for many series one by one: the journal is not loaded for each of them.
constexpr std::chrono::seconds kReaderKept{1};

/// What a query binds, one bit each, in this order among the arguments.
enum Given : int {
  kGivenFolder = 1,
  kGivenDevice = 2,
  kGivenSeries = 4,
  kGivenFrom = 8,
  kGivenAfter = 16,
  kGivenTo = 32,
  kGivenBefore = 64
};

/// A folder, opened.
struct Source {
  std::unique_ptr<sqlite::FolderReader> reader;
  std::unordered_map<std::string, std::string> names;  // of devices, by id
  std::vector<SeriesRecord> series;
};

struct Table : sqlite3_vtab {
  sqlite3* db = nullptr;
  std::string folder;  // of `source`
  std::shared_ptr<Source> source;
  std::chrono::steady_clock::time_point opened;
};

struct Cursor : sqlite3_vtab_cursor {
  std::shared_ptr<Source> source;
  std::vector<const SeriesRecord*> wanted;
  std::size_t at_series = 0, at_row = 0;
  std::int64_t from_us = 0, to_us = 0;
  RawPage page;
  std::int64_t row = 0;
};

int fail(sqlite3_vtab* table, const std::string& what) {
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = sqlite3_mprintf("%s", what.c_str());
  return SQLITE_ERROR;
}

/// The folder of the main database, where that is a hub's hub.db or recent.db.
std::string folder_of_main(sqlite3* db) {
  const char* file = sqlite3_db_filename(db, "main");
  if (file == nullptr || *file == '\0') return "";
  const char* slash = std::strrchr(file, '/');
  return slash == nullptr ? "." : std::string(file, static_cast<std::size_t>(slash - file));
}

/// Empty text: opened.
std::string open_source(Table& table, const std::string& folder) {
  const auto now = std::chrono::steady_clock::now();
  if (table.source && table.folder == folder && now - table.opened < kReaderKept) return "";
  if (folder.empty()) return "readings: open a hub's hub.db, or name its folder: select … from readings('/path')";
  auto source = std::make_shared<Source>();
  auto reader = sqlite::FolderReader::open(folder);
  if (!reader) return "readings: " + reader.error().detail;
  source->reader = std::move(*reader);
  // Behind the readings: a hub registers a series before it stores anything of it.
  sqlite::OpenOptions options;
  options.read_only = true;
  auto registry = sqlite::HubDatabase::open(folder + "/hub.db", options);
  if (!registry) return "readings: " + folder + "/hub.db: cannot be read, or is of another version";
  const auto store = sqlite::make_device_store(**registry);
  auto devices = store->load_devices();
  auto series = store->load_series();
  if (!devices || !series) return "readings: " + folder + "/hub.db: its devices cannot be read";
  for (const auto& device : *devices) source->names[device.id.str()] = device.name;
  source->series = std::move(*series);
  table.source = std::move(source);
  table.folder = folder;
  table.opened = now;
  return "";
}

/// The page that `at_row` is past, or the next series' first.
int load(Cursor& cursor) {
  while (cursor.at_series < cursor.wanted.size() && cursor.at_row >= cursor.page.times_us.size()) {
    const bool is_next_page = cursor.page.next.has_value();
    if (!is_next_page && !cursor.page.times_us.empty()) ++cursor.at_series;
    if (cursor.at_series >= cursor.wanted.size()) return SQLITE_OK;
    RawQuery query;
    query.series = cursor.wanted[cursor.at_series]->id;
    query.from_us = cursor.from_us;
    query.to_us = cursor.to_us;
    query.limit = kPage;
    query.cursor = cursor.page.next;
    auto page = cursor.source->reader->query_raw(query);
    if (!page) {
      return fail(cursor.pVtab, "readings: " + cursor.wanted[cursor.at_series]->name + " cannot be read (" +
                                    std::string(describe(to_errc(page.error())).title) + ")");
    }
    cursor.page = std::move(*page);
    cursor.at_row = 0;
    if (cursor.page.times_us.empty()) {
      cursor.page = RawPage();
      ++cursor.at_series;
    }
  }
  return SQLITE_OK;
}

int connect(sqlite3* db, void*, int, const char* const*, sqlite3_vtab** out, char**) {
  if (const int code = sqlite3_declare_vtab(db, kSchema); code != SQLITE_OK) return code;
  auto* table = new (std::nothrow) Table();
  if (table == nullptr) return SQLITE_NOMEM;
  table->db = db;
  *out = table;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  // Of each kind the first constraint that can be used; SQLite checks the others itself.
  int found[7];
  std::fill(std::begin(found), std::end(found), -1);
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& one = info->aConstraint[i];
    if (one.usable == 0) {
      if (one.iColumn == kFolder) return SQLITE_CONSTRAINT;
      continue;
    }
    // What is looked for here is looked for byte by byte; a NOCASE comparison is left to SQLite.
    const bool is_text = one.iColumn == kDevice || one.iColumn == kSeries;
    if (is_text && std::strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0) continue;
    int kind = -1;
    if (one.op == SQLITE_INDEX_CONSTRAINT_EQ && one.iColumn == kFolder) kind = 0;
    if (one.op == SQLITE_INDEX_CONSTRAINT_EQ && one.iColumn == kDevice) kind = 1;
    if (one.op == SQLITE_INDEX_CONSTRAINT_EQ && one.iColumn == kSeries) kind = 2;
    if (one.iColumn == kTime) {
      if (one.op == SQLITE_INDEX_CONSTRAINT_GE) kind = 3;
      if (one.op == SQLITE_INDEX_CONSTRAINT_GT) kind = 4;
      if (one.op == SQLITE_INDEX_CONSTRAINT_LE) kind = 5;
      if (one.op == SQLITE_INDEX_CONSTRAINT_LT) kind = 6;
    }
    if (kind >= 0 && found[kind] < 0) found[kind] = i;
  }
  double rows = 1e9;
  int argument = 0;
  for (int kind = 0; kind < 7; ++kind) {
    if (found[kind] < 0) continue;
    info->idxNum |= 1 << kind;
    auto& usage = info->aConstraintUsage[found[kind]];
    usage.argvIndex = ++argument;
    // Times are compared again: a bound that is no integer is only widened here.
    usage.omit = kind == 0;
    if (kind > 0) rows /= kind < 3 ? 100 : 4;
  }
  info->estimatedCost = rows;
  info->estimatedRows = static_cast<sqlite3_int64>(rows);
  return SQLITE_OK;
}

int open_cursor(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
  auto* cursor = new (std::nothrow) Cursor();
  if (cursor == nullptr) return SQLITE_NOMEM;
  *out = cursor;
  return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

std::string text_of(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text != nullptr ? text : "";
}

int filter(sqlite3_vtab_cursor* base, int given, const char*, int, sqlite3_value** values) {
  auto& cursor = *static_cast<Cursor*>(base);
  auto& table = *static_cast<Table*>(base->pVtab);
  constexpr std::int64_t kFirst = -(std::int64_t{1} << 62), kLast = std::int64_t{1} << 62;
  std::string folder, device, series;
  cursor.from_us = kFirst;
  cursor.to_us = kLast;
  cursor.wanted.clear();
  cursor.page = RawPage();
  cursor.at_series = cursor.at_row = 0;
  cursor.row = 0;
  bool is_empty = false;
  int i = 0;
  if ((given & kGivenFolder) != 0) folder = text_of(values[i++]);
  if ((given & kGivenDevice) != 0) device = text_of(values[i++]);
  if ((given & kGivenSeries) != 0) series = text_of(values[i++]);
  // Bounds that are no numbers: SQLite orders texts behind all of them, NULL compares as nothing.
  const auto bound = [&](sqlite3_value* value, std::int64_t otherwise) {
    const int type = sqlite3_value_numeric_type(value);
    if (type == SQLITE_NULL) is_empty = true;
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return otherwise;
    if (type == SQLITE_INTEGER) return std::clamp<std::int64_t>(sqlite3_value_int64(value), kFirst, kLast - 1);
    return static_cast<std::int64_t>(std::clamp(sqlite3_value_double(value), -4e18, 4e18));
  };
  if ((given & kGivenFrom) != 0) cursor.from_us = std::max(cursor.from_us, bound(values[i++], kFirst));
  if ((given & kGivenAfter) != 0) cursor.from_us = std::max(cursor.from_us, bound(values[i++], kFirst));
  if ((given & kGivenTo) != 0) cursor.to_us = std::min(cursor.to_us, bound(values[i++], kLast - 1) + 1);
  if ((given & kGivenBefore) != 0) cursor.to_us = std::min(cursor.to_us, bound(values[i++], kLast - 1) + 1);
  if (folder.empty()) folder = folder_of_main(table.db);
  if (const auto problem = open_source(table, folder); !problem.empty()) return fail(&table, problem);
  cursor.source = table.source;
  if (is_empty || cursor.from_us >= cursor.to_us) return SQLITE_OK;
  for (const auto& one : cursor.source->series) {
    if ((given & kGivenSeries) != 0 && one.name != series) continue;
    if ((given & kGivenDevice) != 0 && cursor.source->names[one.device.str()] != device) continue;
    cursor.wanted.push_back(&one);
  }
  return load(cursor);
}

int next(sqlite3_vtab_cursor* base) {
  auto& cursor = *static_cast<Cursor*>(base);
  ++cursor.at_row;
  ++cursor.row;
  return load(cursor);
}

int is_at_end(sqlite3_vtab_cursor* base) {
  const auto& cursor = *static_cast<Cursor*>(base);
  return cursor.at_series >= cursor.wanted.size() ? 1 : 0;
}

void answer(sqlite3_context* context, const std::string& text) {
  sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void answer_value(sqlite3_context* context, const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return sqlite3_result_double(context, *number);
  if (const auto* flag = std::get_if<bool>(&value)) return sqlite3_result_int(context, *flag ? 1 : 0);
  if (const auto* text = std::get_if<std::string>(&value)) return answer(context, *text);
  const auto& at = std::get<Location>(value);
  char* text = sqlite3_mprintf("%!.17g %!.17g %!.17g", at.latitude, at.longitude, at.altitude);
  sqlite3_result_text(context, text, -1, sqlite3_free);
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int index) {
  auto& cursor = *static_cast<Cursor*>(base);
  const SeriesRecord& series = *cursor.wanted[cursor.at_series];
  switch (index) {
    case kDevice:
      answer(context, cursor.source->names[series.device.str()]);
      break;
    case kSeries:
      answer(context, series.name);
      break;
    case kTime:
      sqlite3_result_int64(context, cursor.page.times_us[cursor.at_row]);
      break;
    case kValue:
      answer_value(context, value_at(cursor.page.values, cursor.at_row));
      break;
    case kUnit:
      answer(context, series.unit);
      break;
    case kType:
      sqlite3_result_text(context, to_string(series.type), -1, SQLITE_STATIC);
      break;
    case kRevision:
      sqlite3_result_int64(context, series.revision);
      break;
    default:
      sqlite3_result_null(context);
  }
  return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* base, sqlite3_int64* out) {
  *out = static_cast<Cursor*>(base)->row;
  return SQLITE_OK;
}

/// Without xCreate: the table is there as soon as the extension is, and cannot be made.
sqlite3_module make_module() {
  sqlite3_module module{};
  module.iVersion = 1;
  module.xConnect = connect;
  module.xDisconnect = disconnect;
  module.xBestIndex = best_index;
  module.xOpen = open_cursor;
  module.xClose = close_cursor;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = is_at_end;
  module.xColumn = column;
  module.xRowid = row_id;
  return module;
}

}  // namespace
}  // namespace hub::extension

/// What sqlite3_load_extension looks for in readings.so.
extern "C" __attribute__((visibility("default"))) int sqlite3_readings_init(sqlite3* db, char** error,
                                                                            const sqlite3_api_routines* api) {
  if (api->libversion != sqlite3_libversion) {
    *error = api->mprintf("readings: this program carries an SQLite of its own; use Debian's sqlite3");
    return SQLITE_ERROR;
  }
  static const sqlite3_module module = hub::extension::make_module();
  return sqlite3_create_module_v2(db, "readings", &module, nullptr, nullptr);
}
