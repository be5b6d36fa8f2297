/// A key that was pressed, as the viewer knows it.
public enum Key: Sendable, Equatable {
  case character(Unicode.Scalar)
  case up, down, left, right, pageUp, pageDown, home, end
  case enter, escape, tab, backTab, backspace, delete, help
  /// A key that means nothing here.
  case other

  /// A character as a terminal sends it, control characters included.
  public init(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x09: self = .tab
    case 0x0a, 0x0d: self = .enter
    case 0x1b: self = .escape
    case 0x08, 0x7f: self = .backspace
    // As in less and vi: Ctrl-B, -F, -N, -P; Ctrl-U and -W clear what is typed.
    case 0x02: self = .pageUp
    case 0x06: self = .pageDown
    case 0x0e: self = .down
    case 0x10: self = .up
    case 0x15, 0x17: self = .delete
    case 0..<0x20: self = .other
    default: self = .character(scalar)
    }
  }
}
