#include "hub/web/audit_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "hub/web/accept.h"
#include "hub/web/json_text.h"
#include "hub/web/query_reader.h"
#include "hub/web/time_text.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object to_json(const AuditEntry& entry) {
  json::object out;
  out["sequence"] = entry.sequence;
  out["time"] = entry.time_us;
  out["actor"] = entry.actor;
  out["credential"] = entry.credential;
  out["address"] = entry.address;
  out["action"] = entry.action;
  out["object"] = entry.object;
  boost::system::error_code ec;
  auto detail = json::parse(entry.detail, ec);
  out["detail"] = ec ? json::value(nullptr) : std::move(detail);
  out["status"] = entry.status;
  out["of"] = entry.of == 0 ? json::value(nullptr) : json::value(entry.of);
  out["hash"] = entry.hash;
  return out;
}

/// A cell that a spreadsheet takes as text: what strangers wrote must not become a formula.
void append_cell(std::string& row, std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) text.insert(0, "'");
  row += '"';
  for (const char c : text) {
    if (c == '"') row += '"';
    row += c;
  }
  row += "\",";
}

std::string audit_csv(const std::vector<AuditEntry>& entries) {
  std::string text = "sequence,time,actor,credential,address,action,object,detail,status,of,hash\r\n";
  for (const auto& entry : entries) {
    text += std::to_string(entry.sequence) + "," + std::to_string(entry.time_us) + ",";
    for (const auto* field :
         {&entry.actor, &entry.credential, &entry.address, &entry.action, &entry.object, &entry.detail}) {
      append_cell(text, *field);
    }
    text += std::to_string(entry.status) + "," + (entry.of == 0 ? "" : std::to_string(entry.of)) + "," + entry.hash;
    text += "\r\n";
  }
  return text;
}

/// The same question about what is older. The filters are taken as they were written.
std::string page_before(const Call& call, std::uint64_t sequence) {
  const std::string& target = call.request.target;
  const std::size_t mark = target.find('?');
  std::string next = target.substr(0, mark) + "?before=" + std::to_string(sequence);
  std::string_view query = mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (!part.empty() && !part.starts_with("before=")) next += "&" + std::string(part);
  }
  return next;
}

}  // namespace

boost::asio::awaitable<Answer> list_audit(Call& call) {
  QueryReader query(call.target);
  AuditQuery wish;
  const auto limit = static_cast<std::size_t>(query.optional_integer("limit", 1, 10'000).value_or(100));
  wish.limit = limit + 1;
  if (const auto before = query.optional_integer("before", 1, std::numeric_limits<std::int64_t>::max())) {
    wish.before = static_cast<std::uint64_t>(*before);
  }
  const std::int64_t now_us = call.services.clock.now_us();
  if (const auto from = query.optional_time("from", now_us)) wish.from_us = *from;
  if (const auto to = query.optional_time("to", now_us)) wish.to_us = *to;
  wish.actor = query.optional_text("actor").value_or("");
  wish.action = query.optional_text("action").value_or("");
  wish.object = query.optional_text("object").value_or("");
  if (auto problem = query.problem()) co_return *problem;
  auto find = [&audit = call.services.audit, wish](auto done) { audit.find(wish, std::move(done)); };
  auto found = co_await answer_of<Result<std::vector<AuditEntry>>>(std::move(find));
  if (!found) co_return storage_problem(found.error());
  const bool has_more = found->size() > limit;
  if (has_more) found->resize(limit);
  if (prefers_csv(call.request.header("Accept"))) {
    auto response = text_answer(audit_csv(*found), "text/csv; charset=utf-8");
    if (has_more) set_header(response, "Link", "<" + page_before(call, found->back().sequence) + ">; rel=\"next\"");
    co_return response;
  }
  auto ask_head = [&audit = call.services.audit](auto done) { audit.head(std::move(done)); };
  const auto head = co_await answer_of<Result<AuditLink>>(std::move(ask_head));
  if (!head) co_return storage_problem(head.error());
  json::array entries;
  for (const auto& entry : *found) entries.push_back(to_json(entry));
  json::object body;
  body["entries"] = std::move(entries);
  body["next"] = has_more ? json::value(found->back().sequence) : json::value(nullptr);
  body["head"] = json::object{{"sequence", head->sequence}, {"hash", head->hash}};
  co_return json_answer(body);
}

}  // namespace hub::web
