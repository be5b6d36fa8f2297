/// How a cell looks, by what it means: the back end has the colours.
public struct Style: Sendable, Hashable {
  public enum Ink: UInt8, Sendable, CaseIterable {
    case normal, good, bad, warning, accent, special
    /// The bar over a list.
    case header
    /// The selected row of the list that has the keys, and of one that has not.
    case selection, shadow
  }

  public var ink = Ink.normal
  public var isBold = false
  public var isDim = false
  public var isUnderlined = false

  public init(_ ink: Ink = .normal, bold: Bool = false, dim: Bool = false, underlined: Bool = false) {
    self.ink = ink
    isBold = bold
    isDim = dim
    isUnderlined = underlined
  }

  public static let normal = Style()
  public static let bold = Style(bold: true)
  public static let dim = Style(dim: true)
}
