import COpenSSL

/// OpenSSL's queue of errors, which each thread has of its own. It is cleared before a call whose outcome is to be told, since an old error in it
/// would be taken for that call's.
enum OpenSSLErrors {
  static func clear() { ERR_clear_error() }

  /// The latest error's reason ("no shared cipher"); the queue is empty afterwards.
  static func takeReason() -> String {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    guard code != 0 else { return "unknown error" }
    guard let reason = ERR_reason_error_string(code) else { return "error \(String(code, radix: 16))" }
    return String(cString: reason)
  }
}
