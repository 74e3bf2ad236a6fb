#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sonde::store {

// A prepared SQL statement. Not thread-safe; must not outlive its Database. Text and blobs that are bound must stay
// alive until Reset(). Parameters count from 1, columns from 0, as SQLite has it.
class Statement {
 public:
  void Bind(int parameter, int64_t value);
  void BindText(int parameter, std::string_view text);
  void BindBlob(int parameter, std::string_view bytes);

  // True when there is a row to read, false at the end. Errors as Database's.
  absl::StatusOr<bool> Step();
  // Runs a statement that has no rows, and makes it ready for the next run.
  absl::Status Run();
  void Reset();

  int64_t Integer(int column) const;
  std::string_view Bytes(int column) const;  // text or blob; valid until the next Step() or Reset()

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One connection to an SQLite file. Not thread-safe. Errors: kUnavailable for what may pass (disk full, I/O error,
// busy), kDataLoss for a file that is corrupt or no database, kInternal for our own mistakes.
class Database {
 public:
  enum class Access { kReadWrite, kReadOnly };

  static absl::StatusOr<Database> Open(const std::string& path, Access access);

  absl::Status Execute(const char* sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // The first column of the first row.
  absl::StatusOr<int64_t> QueryInteger(std::string_view sql);
  // Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t Changes() const;

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };

  std::unique_ptr<sqlite3, Close> connection_;
};

// Begins a transaction that is rolled back unless Commit() succeeded.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database* database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}

  Database* database_;
};

}  // namespace sonde::store
