import SystemPackage

/// Renders the registry for `uwrx syscalls`.
public enum SyscallTableRenderer {
  /// A line per call: number, name, disposition, reason, and what is missing.
  public static func text(_ entries: [SyscallEntry] = Registry.entries) -> String {
    let nameWidth = entries.map(\.name.utf8.count).max() ?? 0
    let dispositionWidth = entries.map { disposition($0).utf8.count }.max() ?? 0
    var text = ""
    for entry in entries {
      text += padded("\(entry.number.rawValue)", to: 3, right: true) + "  "
      text += padded(entry.name, to: nameWidth) + "  "
      text += padded(disposition(entry), to: dispositionWidth) + "  "
      text += "\(entry.reason)"
      if let missing = entry.missing { text += " Missing: \(missing)." }
      if entry.strictRule != nil { text += " Strict: \(strict(entry))." }
      if !entry.variantRules.isEmpty { text += " With \(variants(entry))." }
      text += "\n"
    }
    return text
  }

  /// A table with the same columns, after a line that counts the dispositions.
  public static func markdown(_ entries: [SyscallEntry] = Registry.entries) -> String {
    var text = summary(entries) + "\n\n"
    text +=
      "| number | call | disposition | native when | reason | missing | strict | with options |\n|---:|---|---|---|---|---|---|---|\n"
    for entry in entries {
      let columns = [
        "\(entry.number.rawValue)", "`\(entry.name)`", disposition(entry), condition(entry), "\(entry.reason)",
        entry.missing.map { "\($0)" } ?? "", strict(entry), variants(entry),
      ]
      text += "| " + columns.map { escapedForMarkdown($0) }.joined(separator: " | ") + " |\n"
    }
    return text
  }

  /// An array of objects. `nativeWhen` is an array of alternatives, each an array of conditions on
  /// `argument & mask`; masks and values are hexadecimal strings, for JSON numbers are not exact beyond 53 bits.
  public static func json(_ entries: [SyscallEntry] = Registry.entries) -> String {
    var text = "[\n"
    for (index, entry) in entries.enumerated() {
      text += "  {" + members(entry).joined(separator: ", ") + (index == entries.count - 1 ? "}\n" : "},\n")
    }
    return text + "]\n"
  }

  /// The members of an entry's object.
  package static func members(_ entry: SyscallEntry) -> [String] {
    var members = [
      "\"number\": \(entry.number.rawValue)", "\"name\": \(quoted(entry.name))",
      "\"disposition\": \(quoted(word(entry.disposition)))",
    ]
    if case .deny(let errno) = entry.disposition { members.append("\"errno\": \(quoted(symbol(errno)))") }
    members.append("\"reason\": \(quoted("\(entry.reason)"))")
    if let missing = entry.missing { members.append("\"missing\": \(quoted("\(missing)"))") }
    if !entry.nativeWhen.isEmpty { members.append("\"nativeWhen\": \(alternatives(entry.nativeWhen))") }
    if let rule = entry.strictRule {
      let conditions = rule.nativeWhen.isEmpty ? "" : ", \"nativeWhen\": \(alternatives(rule.nativeWhen))"
      members.append("\"strict\": {\"errno\": \(quoted(symbol(rule.errno)))\(conditions)}")
    }
    if !entry.variantRules.isEmpty {
      let rules = entry.variantRules.map { rule in
        let conditions = rule.nativeWhen.isEmpty ? "" : ", \"nativeWhen\": \(alternatives(rule.nativeWhen))"
        return "{\"option\": \(quoted(option(rule))), \"disposition\": \(quoted(word(rule.disposition)))\(conditions)}"
      }
      members.append("\"variants\": [\(rules.joined(separator: ", "))]")
    }
    return members
  }

  /// What the options of reproducible runs make of the call; empty for no difference.
  private static func variants(_ entry: SyscallEntry) -> String {
    entry.variantRules.map { rule in
      let star = rule.nativeWhen.isEmpty ? "" : " *"
      return "\(option(rule)): \(word(rule.disposition))\(star)"
    }.joined(separator: ", ")
  }

  private static func option(_ rule: VariantRule) -> String {
    CallVariants.names.filter { rule.variant.contains($0.variant) }.map { "--\($0.name)" }.joined(separator: "/")
  }

  /// What `--strict-calls` makes of the call; empty for no difference.
  private static func strict(_ entry: SyscallEntry) -> String {
    guard let rule = entry.strictRule else { return "" }
    return symbol(rule.errno) + (rule.nativeWhen.isEmpty ? "" : " but when " + condition(rule.nativeWhen))
  }

  private static func summary(_ entries: [SyscallEntry]) -> String {
    let counts = ["native", "emulate", "gate", "deny"].map { word in
      "\(entries.count { self.word($0.disposition) == word }) \(word)"
    }
    return "\(entries.count) system calls: \(counts.joined(separator: ", "))."
  }

  package static func word(_ disposition: Disposition) -> String {
    switch disposition {
    case .native: "native"
    case .emulate: "emulate"
    case .gate: "gate"
    case .deny: "deny"
    }
  }

  /// The disposition with its errno. An asterisk stands for conditions under which the call is native.
  private static func disposition(_ entry: SyscallEntry) -> String {
    var text = word(entry.disposition)
    if case .deny(let errno) = entry.disposition { text += " " + symbol(errno) }
    return entry.nativeWhen.isEmpty ? text : text + " *"
  }

  /// The C name of an errno, for those that entries deny with (include/uapi/asm-generic/errno.h).
  package static func symbol(_ errno: Errno) -> String {
    switch errno {
    case .notPermitted: "EPERM"
    case .badFileDescriptor: "EBADF"
    case .permissionDenied: "EACCES"
    case .invalidArgument: "EINVAL"
    case .inappropriateIOCTLForDevice: "ENOTTY"
    case .noFunction: "ENOSYS"
    case .notSupportedOnSocket: "EOPNOTSUPP"
    case .addressFamilyNotSupported: "EAFNOSUPPORT"
    default: "errno \(errno.rawValue)"
    }
  }

  // MARK: - Conditions

  package static func condition(_ entry: SyscallEntry) -> String { condition(entry.nativeWhen) }

  private static func condition(_ nativeWhen: [[ArgumentCondition]]) -> String {
    // Entries such as ioctl have dozens of values of one argument: list the values, not the comparisons.
    if let values = valuesOfOneArgument(nativeWhen), values.count > 1 {
      let argument = nativeWhen[0][0].argument
      return "argument \(argument) is one of " + values.map(hexadecimal).joined(separator: ", ")
    }
    return nativeWhen.map { alternative in
      alternative.map(description).joined(separator: " and ")
    }.joined(separator: ", or ")
  }

  private static func valuesOfOneArgument(_ alternatives: [[ArgumentCondition]]) -> [UInt64]? {
    guard let first = alternatives.first?.first else { return nil }
    var values: [UInt64] = []
    for alternative in alternatives {
      guard alternative.count == 1, let condition = alternative.first,
        condition == .low32(first.argument, equals: UInt32(truncatingIfNeeded: condition.value))
      else { return nil }
      values.append(condition.value)
    }
    return values
  }

  private static func description(_ condition: ArgumentCondition) -> String {
    let operand =
      switch condition.mask {
      case .max, 0xffff_ffff: "argument \(condition.argument)"
      default: "argument \(condition.argument) & \(hexadecimal(condition.mask))"
      }
    return "\(operand) \(condition.comparison == .equal ? "is" : "is not") \(hexadecimal(condition.value))"
  }

  private static func alternatives(_ alternatives: [[ArgumentCondition]]) -> String {
    let texts = alternatives.map { alternative in
      let conditions = alternative.map { condition in
        "{\"argument\": \(condition.argument), \"mask\": \"\(hexadecimal(condition.mask))\", "
          + "\"comparison\": \"\(condition.comparison == .equal ? "equal" : "notEqual")\", "
          + "\"value\": \"\(hexadecimal(condition.value))\"}"
      }
      return "[\(conditions.joined(separator: ", "))]"
    }
    return "[\(texts.joined(separator: ", "))]"
  }

  // MARK: - Text

  private static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  private static func padded(_ text: String, to width: Int, right: Bool = false) -> String {
    let padding = String(repeating: " ", count: max(0, width - text.utf8.count))
    return right ? padding + text : text + padding
  }

  private static func escapedForMarkdown(_ text: String) -> String {
    var escaped = ""
    for character in text {
      if character == "|" { escaped.append("\\") }
      escaped.append(character)
    }
    return escaped
  }

  /// A JSON string literal (RFC 8259, section 7).
  package static func quoted(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": literal += "\\\""
      case "\\": literal += "\\\\"
      case "\n": literal += "\\n"
      case "\t": literal += "\\t"
      case "\r": literal += "\\r"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }
}
