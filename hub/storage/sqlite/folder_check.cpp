#include "hub/storage/sqlite/folder_check.h"

#include <filesystem>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "hub/storage/sqlite/audit_check.h"
#include "hub/storage/sqlite/folder_reader.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::sqlite {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kFirstId = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLastId = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kHeadersAtOnce = 4'096;
constexpr std::size_t kIntegrityLines = 20;
constexpr int kSnapshotsTried = 8;

std::string title_of(const error_code& error) {
  return std::string(describe(to_errc(error)).title);
}

/// What the header says of the payload, and what the payload says itself.
bool fits(const ChunkHeader& header, const ChunkReadings& readings) {
  ChunkHeader own = header;
  summarise(readings, own);
  const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
  return own.type == header.type && own.count == header.count && own.first_us == header.first_us &&
         own.last_us == header.last_us && same(own.minimum, header.minimum) && same(own.maximum, header.maximum) &&
         same(own.sum, header.sum) && own.changes == header.changes && own.first == header.first &&
         own.last == header.last;
}

class FolderCheck {
 public:
  FolderCheck(const std::string& folder, const CheckProgress& progress) : path_(folder), progress_(progress) {}

  Outcome<CheckReport> run() {
    for (int tried = 1;; ++tried) {
      auto reader = FolderReader::open(path_);
      // Behind the journal: a hub registers a device or a series before it stores anything of it.
      if (auto problem = check_registry()) return *problem;
      if (!reader) {
        if (reader.error().code != errc::storage_damaged && reader.error().code != errc::gone) return reader.error();
        // Already the journal cannot be read from end to end: what it says of the registry is still worth knowing.
        report_.fault("journal", reader.error().detail);
        return report_;
      }
      reader_ = std::move(*reader);
      auto snapshot = reader_->recent().snapshot();
      if (!snapshot) return file_problem(reader_->folder().recent_path(), snapshot.error(), "cannot be read");
      if (snapshot->sealed_through > reader_->head().commit && tried < kSnapshotsTried) {
        // A seal came in between: cursors would be compared with a journal that ends before them.
        report_ = CheckReport();
        continue;
      }
      plan();
      check_recent();
      check_journal(snapshot->sealed_through);
      check_partitions();
      check_unknown_files();
      progress_(1, "");
      return report_;
    }
  }

 private:
  std::optional<Problem> check_registry() {
    const std::string file = path_ + "/hub.db";
    if (!fs::exists(file)) {
      return Problem{errc::not_found, path_ + ": is no hub's data folder, there is no hub.db in it. Check the path.",
                     ""};
    }
    OpenOptions options;
    options.read_only = true;
    auto db = HubDatabase::open(file, options);
    if (!db) {
      if (to_errc(db.error()) == errc::unsupported_version) {
        return Problem{errc::unsupported_version,
                       file +
                           ": is of another version than this program. Check it with the telemetry-hub that serves "
                           "it, or let this one serve it once.",
                       ""};
      }
      report_.fault("hub.db", "cannot be opened: " + title_of(db.error()));
      return std::nullopt;
    }
    ++report_.files;
    check_integrity((*db)->connection(), "hub.db");
    if (const auto faults = check_audit(**db, report_.audit_entries)) {
      for (const auto& fault : *faults) report_.fault("hub.db", fault);
    } else {
      report_.fault("hub.db", "the audit trail cannot be read: " + title_of(faults.error()));
    }
    auto broken = (*db)->connection().prepare("PRAGMA foreign_key_check");
    if (auto row = broken ? broken->step() : Result<bool>(false); row && *row)
      report_.fault("hub.db", "a row of table " + std::string(broken->text(0)) + " refers to a row that is not there");
    read_ids((*db)->connection(), "SELECT id FROM devices",
             [&](const Statement& row) { devices_.insert(std::string(row.text(0))); });
    read_ids((*db)->connection(), "SELECT id FROM series",
             [&](const Statement& row) { series_.insert(static_cast<std::uint32_t>(row.integer(0))); });
    report_.devices = devices_.size();
    report_.series = series_.size();
    return std::nullopt;
  }

  template <class Use>
  void read_ids(Database& db, const char* sql, Use use) {
    auto select = db.prepare(sql);
    Result<bool> row = select ? select->step() : Result<bool>(boost::system::in_place_error, select.error());
    for (; row && *row; row = select->step()) use(*select);
    if (!row) report_.fault("hub.db", "cannot be read: " + title_of(row.error()));
  }

  /// False: damaged.
  bool check_integrity(Database& db, const std::string& file) {
    auto pragma = db.prepare("PRAGMA integrity_check(" + std::to_string(kIntegrityLines) + ")");
    if (!pragma) {
      report_.fault(file, "cannot be read: " + title_of(pragma.error()));
      return false;
    }
    bool sound = true;
    for (;;) {
      const auto row = pragma->step();
      if (!row) {
        report_.fault(file, "cannot be read: " + title_of(row.error()));
        return false;
      }
      if (!*row) return sound;
      if (pragma->text(0) == "ok") continue;
      report_.fault(file, std::string(pragma->text(0)));
      sound = false;
    }
  }

  /// Work is reckoned in bytes of files.
  void plan() {
    std::error_code error;
    total_ = static_cast<double>(fs::file_size(reader_->folder().recent_path(), error));
    auto held = reader_->recent().catalogue().list(kFirstId, kLastId);
    if (!held) return report_.fault("recent.db", "the catalogue cannot be read: " + title_of(held.error()));
    catalogue_ = std::move(*held);
    for (const auto& record : catalogue_) total_ += static_cast<double>(record.bytes);
  }
  void tell(const std::string& file, double bytes) {
    done_ += bytes;
    progress_(total_ > 0 ? std::min(1.0, done_ / total_) : 1, file);
  }

  void check_recent() {
    ++report_.files;
    tell("recent.db", 0);
    auto& recent = reader_->recent();
    if (check_integrity(recent.connection(), "recent.db")) {
      check_chunks(recent.chunks(), "recent.db", [](std::int64_t id) { return static_cast<std::uint32_t>(id >> 8); });
      check_rows(recent.connection());
    }
    std::error_code error;
    tell("recent.db", static_cast<double>(fs::file_size(reader_->folder().recent_path(), error)));
  }

  /// Every chunk: its checksum, its readings, its header. Answers how many readings there are.
  template <class SeriesOf>
  std::uint64_t check_chunks(ChunkTable& chunks, const std::string& file, SeriesOf series_of) {
    std::uint64_t readings = 0;
    auto ids = chunks.ids(kFirstId, kLastId);
    if (!ids) {
      report_.fault(file, "its chunks cannot be listed: " + title_of(ids.error()));
      return 0;
    }
    for (std::size_t i = 0; i < ids->size(); i += kHeadersAtOnce) {
      const std::size_t last = std::min(ids->size(), i + kHeadersAtOnce) - 1;
      auto headers = chunks.headers((*ids)[i], (*ids)[last]);
      if (!headers) {
        report_.fault(file, "headers of chunks cannot be read: " + title_of(headers.error()));
        continue;
      }
      for (const auto& header : *headers) {
        const std::string name = "chunk " + std::to_string(header.id);
        const auto decoded = chunks.readings(header);
        if (!decoded) {
          report_.fault(file, name + ": " + title_of(decoded.error()));
        } else if (!fits(header, *decoded)) {
          report_.fault(file, name + ": its header does not say what is in it");
        }
        if (!series_.contains(series_of(header.id)))
          report_.fault(file, name + ": hub.db has no series " + std::to_string(series_of(header.id)));
        readings += header.count;
      }
    }
    report_.chunks += ids->size();
    report_.readings += readings;
    return readings;
  }

  /// Cursors, latest values and gaps of recent.db.
  void check_rows(Database& db) {
    auto cursors = db.prepare("SELECT device, epoch, lane, sequence FROM cursor");
    Result<bool> row = cursors ? cursors->step() : Result<bool>(boost::system::in_place_error, cursors.error());
    for (; row && *row; row = cursors->step()) {
      ++report_.cursors;
      const std::string device(cursors->text(0));
      if (!devices_.contains(device)) report_.fault("recent.db", "a cursor of the unknown device " + device);
      const auto epoch = base::to_id128(cursors->blob(1));
      if (!epoch) {
        report_.fault("recent.db", "a cursor of the device " + device + " has no epoch");
        continue;
      }
      const StreamKey stream{DeviceId(device), *epoch, static_cast<std::uint8_t>(cursors->integer(2))};
      stored_[stream] = static_cast<std::uint64_t>(cursors->integer(3));
    }
    if (!row) report_.fault("recent.db", "cursors cannot be read: " + title_of(row.error()));
    auto latest = db.prepare("SELECT series FROM latest");
    row = latest ? latest->step() : Result<bool>(boost::system::in_place_error, latest.error());
    for (; row && *row; row = latest->step()) {
      if (!series_.contains(static_cast<std::uint32_t>(latest->integer(0))))
        report_.fault("recent.db", "a latest value of the unknown series " + std::to_string(latest->integer(0)));
    }
    if (!row) report_.fault("recent.db", "latest values cannot be read: " + title_of(row.error()));
    auto gaps = db.prepare("SELECT DISTINCT device FROM gap");
    row = gaps ? gaps->step() : Result<bool>(boost::system::in_place_error, gaps.error());
    for (; row && *row; row = gaps->step()) {
      if (!devices_.contains(std::string(gaps->text(0))))
        report_.fault("recent.db", "a gap of the unknown device " + std::string(gaps->text(0)));
    }
    if (!row) report_.fault("recent.db", "gaps cannot be read: " + title_of(row.error()));
  }

  /// Commits that are not sealed: each checksum, no number missing, each stream's frames one behind the other.
  void check_journal(CommitNumber sealed_through) {
    report_.files += reader_->folder().segments().size();
    tell("journal", 0);
    const auto head = read_journal(reader_->folder(), reader_->head().journal_epoch, sealed_through, OpenOptions(),
                                   [&](const CommitPtr& commit) { check_commit(*commit); });
    if (!head) report_.fault("journal", head.error().detail);
  }

  void check_commit(const Commit& commit) {
    ++report_.commits;
    const std::string name = "commit " + std::to_string(commit.number) + ": ";
    for (const auto& frame : commit.frames) {
      auto& stored = stored_[frame.stream];
      if (frame.first_sequence != stored + 1) {
        report_.fault("journal", name + "a frame of the device " + frame.stream.device.str() + " begins at sequence " +
                                     std::to_string(frame.first_sequence) + ", its stream is stored through " +
                                     std::to_string(stored));
      }
      stored = frame.last_sequence;
      if (!devices_.contains(frame.stream.device.str()))
        report_.fault("journal", name + "a frame of the unknown device " + frame.stream.device.str());
      for (const auto& column : frame.columns) {
        report_.readings += column.times->size();
        if (!series_.contains(raw(column.series)))
          report_.fault("journal", name + "hub.db has no series " + std::to_string(raw(column.series)));
      }
    }
  }

  void check_partitions() {
    auto& recent = reader_->recent();
    for (const auto& record : catalogue_) {
      const std::string file = "partitions/" + record.name.to_text();
      tell(file, 0);
      auto opened = recent.partition(record.name);
      if (!opened || *opened == nullptr) {
        report_.fault(file, !opened                                               ? title_of(opened.error())
                            : reader_->partitions().exists(record.name.to_text()) ? "is damaged, or another file"
                                                                                  : "is missing");
      } else if (++report_.files; check_integrity((*opened)->connection(), file)) {
        const std::uint64_t readings =
            check_chunks((*opened)->chunks(), file, [](std::int64_t id) { return raw(series_of_hour_chunk(id)); });
        if (readings != record.readings) {
          report_.fault(file, "holds " + std::to_string(readings) + " readings, the catalogue says " +
                                  std::to_string(record.readings));
        }
      }
      tell(file, static_cast<double>(record.bytes));
    }
    auto summaries = recent.catalogue().used_summaries();
    if (!summaries) return report_.fault("recent.db", "the catalogue cannot be read: " + title_of(summaries.error()));
    for (const auto& name : *summaries) {
      const std::string file = "partitions/" + name;
      OpenOptions options;
      options.read_only = true;
      auto db = reader_->partitions().exists(name)
                    ? Database::open(reader_->partitions().path_of(name), options)
                    : Result<Database>(boost::system::in_place_error, make_error_code(errc::not_found));
      if (!db) {
        report_.fault(file, "cannot be opened: " + title_of(db.error()));
      } else if (check_integrity(*db, file)) {
        ++report_.files;
      }
    }
  }

  void check_unknown_files() {
    auto known = reader_->recent().catalogue().files();
    auto going = reader_->recent().catalogue().removals();
    if (!known || !going) return;
    known->insert(going->begin(), going->end());
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path_ + "/partitions", error)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".making") || name.ends_with("-wal") || name.ends_with("-shm") || known->contains(name))
        continue;
      report_.warn("partitions/" + name, "the catalogue does not know it: nothing in it is answered");
    }
  }

  const std::string path_;
  const CheckProgress& progress_;
  CheckReport report_;
  std::unique_ptr<FolderReader> reader_;
  std::vector<PartitionRecord> catalogue_;
  std::unordered_set<std::string> devices_;
  std::unordered_set<std::uint32_t> series_;
  std::unordered_map<StreamKey, std::uint64_t> stored_;
  double total_ = 0, done_ = 0;
};

}  // namespace

void CheckReport::fault(std::string file, std::string what) {
  ++fault_count;
  if (faults.size() < kListed) faults.push_back({std::move(file), std::move(what)});
}

void CheckReport::warn(std::string file, std::string what) {
  ++warning_count;
  if (warnings.size() < kListed) warnings.push_back({std::move(file), std::move(what)});
}

Outcome<CheckReport> check_folder(const std::string& folder, const CheckProgress& progress) {
  return FolderCheck(folder, progress).run();
}

}  // namespace hub::sqlite
