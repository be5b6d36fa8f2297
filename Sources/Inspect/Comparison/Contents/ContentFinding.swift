/// A difference inside two contents.
public struct ContentFinding: Sendable, Equatable {
  /// What is different there.
  public enum Kind: Sendable, Equatable {
    /// A value that stands in a header, or nil where it is missing.
    case field(name: String, first: [UInt8]?, second: [UInt8]?)
    /// Lines of text; those that are not shown are counted.
    case lines([Line], hidden: Int)
    /// The bytes from an offset on, with a piece of each that begins there, and how many there are.
    case bytes(at: Int, first: [UInt8], second: [UInt8], sizes: [Int])
    /// A part that only one of the two has.
    case onlyFirst, onlySecond
    /// The same parts in another order.
    case order
    /// What was found here is the same, so it is told in the bytes around it: how it is compressed, for example.
    case packing
    /// It could not be looked into, or not to its end, and why.
    case unread(String)
    /// So many more that are not told.
    case more(Int)
  }

  /// A line of a difference of texts.
  public struct Line: Sendable, Equatable {
    /// `@` for a heading, `-` for a line of the first, `+` for one of the second, a space for one of both.
    public var mark: UInt8
    /// Without its newline, and not more than what a page can bear.
    public var text: [UInt8]
  }

  /// The way there from the outside: names of members, a section; empty for the file itself.
  public var place: [[UInt8]]
  public var kind: Kind

  /// Whether it is a time of the file itself.
  var isTime: Bool {
    guard place.isEmpty, case .field("time", _, _) = kind else { return false }
    return true
  }
}
