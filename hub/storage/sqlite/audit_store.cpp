#include "hub/storage/audit_store.h"

#include "hub/storage/sqlite/audit_check.h"
#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::sqlite {
namespace {

constexpr std::uint64_t kTrimEvery = 1'000;
constexpr char kHead[] = "audit_head", kBegin[] = "audit_begin";

std::string text_of(const AuditLink& link) {
  return std::to_string(link.sequence) + " " + link.hash;
}

Result<AuditLink> link_of(HubDatabase& db, const char* key) {
  const auto fact = db.fact(key);
  if (!fact) return fact.error();
  AuditLink link;
  if (!*fact) return link;
  const auto space = (*fact)->find(' ');
  if (space == std::string::npos) return errc::storage_damaged;
  link.sequence = std::strtoull((*fact)->c_str(), nullptr, 10);
  link.hash = (*fact)->substr(space + 1);
  return link;
}

AuditEntry entry_of(const Statement& row) {
  AuditEntry entry;
  entry.sequence = static_cast<std::uint64_t>(row.integer(0));
  entry.time_us = row.integer(1);
  entry.actor = row.text(2);
  entry.credential = row.text(3);
  entry.address = row.text(4);
  entry.action = row.text(5);
  entry.object = row.text(6);
  entry.detail = row.text(7);
  entry.status = static_cast<int>(row.integer(8));
  entry.of = static_cast<std::uint64_t>(row.integer(9));
  entry.hash = row.text(10);
  return entry;
}

class SqliteAuditStore final : public AuditStore {
 public:
  explicit SqliteAuditStore(HubDatabase& hub) : hub_(hub), db_(hub.connection()) {}

  Result<AuditLink> head() override { return link_of(hub_, kHead); }

  Result<void> append(const std::vector<AuditEntry>& entries) override {
    if (entries.empty()) return {};
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    bool is_due = false;
    for (const auto& entry : entries) {
      const auto done =
          add_.run(static_cast<std::int64_t>(entry.sequence), entry.time_us, entry.actor, entry.credential,
                   entry.address, entry.action, entry.object, entry.detail, static_cast<std::int64_t>(entry.status),
                   static_cast<std::int64_t>(entry.of), entry.hash);
      if (!done) return done.error();
      is_due = is_due || entry.sequence % kTrimEvery == 0;
    }
    const AuditLink head{entries.back().sequence, entries.back().hash};
    if (auto done = hub_.set_fact(kHead, text_of(head)); !done) return done.error();
    if (is_due && head.sequence > kKept) {
      if (auto done = trim(head.sequence - kKept); !done) return done.error();
    }
    return transaction->commit();
  }

  Result<std::vector<AuditEntry>> find(const AuditQuery& query) override {
    std::vector<AuditEntry> found;
    const auto done = find_.each([&](const Statement& row) { found.push_back(entry_of(row)); },
                                 static_cast<std::int64_t>(query.before), query.from_us, query.to_us, query.actor,
                                 query.action, query.object, static_cast<std::int64_t>(query.limit));
    if (!done) return done.error();
    return found;
  }

 private:
  Result<void> trim(std::uint64_t through) {
    std::string hash;
    const auto last = static_cast<std::int64_t>(through);
    if (auto done = hash_of_.each([&](const Statement& row) { hash = row.text(0); }, last); !done) return done.error();
    if (hash.empty()) return {};  // someone has removed it: `check` tells
    if (auto done = remove_.run(last); !done) return done.error();
    return hub_.set_fact(kBegin, text_of({through, hash}));
  }

  HubDatabase& hub_;
  Database& db_;
  CachedStatement add_{db_, "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
  // Newest first by the key; a filter that matches little reads all of a million short rows, which takes a second.
  CachedStatement find_{db_,
                        "SELECT sequence, time_us, actor, credential, address, action, object, detail, status, "
                        "of_entry, hash FROM audit WHERE sequence < ?1 AND time_us >= ?2 AND time_us < ?3 "
                        "AND (?4 = '' OR actor = ?4) AND (?5 = '' OR instr(action, ?5) > 0) "
                        "AND (?6 = '' OR instr(object, ?6) > 0) ORDER BY sequence DESC LIMIT ?7"};
  CachedStatement hash_of_{db_, "SELECT hash FROM audit WHERE sequence = ?1"};
  CachedStatement remove_{db_, "DELETE FROM audit WHERE sequence <= ?1"};
};

}  // namespace

std::unique_ptr<AuditStore> make_audit_store(HubDatabase& db) {
  return std::make_unique<SqliteAuditStore>(db);
}

Result<std::vector<std::string>> check_audit(HubDatabase& db, std::uint64_t& entries) {
  std::vector<std::string> faults;
  const auto begin = link_of(db, kBegin);
  if (!begin) return begin.error();
  const auto head = link_of(db, kHead);
  if (!head) return head.error();
  AuditLink at = *begin;
  CachedStatement all{db.connection(),
                      "SELECT sequence, time_us, actor, credential, address, action, object, detail, status, of_entry, "
                      "hash FROM audit ORDER BY sequence"};
  const auto done = all.each([&](const Statement& row) {
    const AuditEntry entry = entry_of(row);
    ++entries;
    const std::string name = "audit entry " + std::to_string(entry.sequence);
    if (entry.sequence != at.sequence + 1) {
      faults.push_back("audit entries " + std::to_string(at.sequence + 1) + " to " +
                       std::to_string(entry.sequence - 1) + " were removed");
    } else if (audit_hash(at.hash, entry) != entry.hash) {
      faults.push_back(name + " was changed, or the one before it");
    }
    at = {entry.sequence, entry.hash};
  });
  if (!done) return done.error();
  if (at != *head) {
    faults.push_back("the audit trail ends with entry " + std::to_string(at.sequence) + "; it should end with entry " +
                     std::to_string(head->sequence) + " and its hash");
  }
  return faults;
}

}  // namespace hub::sqlite
