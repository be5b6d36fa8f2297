/// The annotations of one event, by what they are.
struct AnnotationValues: ~Copyable {
  private enum Value {
    case integer(UInt64)
    case path(UInt64)
    case text(UnsafeBufferPointer<UInt8>)
    /// The whole annotation.
    case list(UnsafeBufferPointer<UInt8>)
  }

  private var present: UInt64 = 0
  private let values: UnsafeMutablePointer<Value>

  init() {
    values = .allocate(capacity: 64)
    values.initialize(repeating: .integer(0), count: 64)
  }

  deinit { values.deallocate() }

  mutating func clear() { present = 0 }

  /// Takes a DebugAnnotation. It is valid as long as its memory is.
  mutating func add(_ annotation: UnsafeBufferPointer<UInt8>) throws(TraceDecoder.Damage) {
    var fields = PacketReader(annotation)
    var name: UInt64 = 0
    var result: Value?
    while let (number, value) = fields.field() {
      switch (number, value) {
      case (1, .integer(let value)): name = value
      case (3, .integer(let value)): result = .integer(value)
      case (6, .bytes(let bytes)): result = .text(bytes)
      // It comes last, after a text for who does not know it.
      case (TraceEncoder.rawField, .bytes(let bytes)): result = .text(bytes)
      case (12, .bytes): result = .list(annotation)
      case (17, .integer(let value)): result = .path(value)
      default: throw TraceDecoder.Damage()
      }
    }
    guard !fields.isDamaged, name > 0, name < 64, let result else { throw TraceDecoder.Damage() }
    values[Int(name)] = result
    present |= 1 << name
  }

  func has(_ annotation: Annotation) -> Bool { present & 1 << UInt64(annotation.rawValue) != 0 }

  /// 0 if there is none.
  func integer(_ annotation: Annotation) throws(TraceDecoder.Damage) -> UInt64 {
    guard has(annotation) else { return 0 }
    guard case .integer(let value) = values[Int(annotation.rawValue)] else { throw TraceDecoder.Damage() }
    return value
  }

  /// 0 if there is none.
  func word(_ annotation: Annotation) throws(TraceDecoder.Damage) -> UInt32 {
    guard let word = UInt32(exactly: try integer(annotation)) else { throw TraceDecoder.Damage() }
    return word
  }

  func path(_ annotation: Annotation) throws(TraceDecoder.Damage) -> UInt64 {
    guard has(annotation), case .path(let number) = values[Int(annotation.rawValue)] else {
      throw TraceDecoder.Damage()
    }
    return number
  }

  func text(_ annotation: Annotation) throws(TraceDecoder.Damage) -> UnsafeBufferPointer<UInt8> {
    guard has(annotation), case .text(let bytes) = values[Int(annotation.rawValue)] else { throw TraceDecoder.Damage() }
    return bytes
  }

  /// The elements of a list, or the text that stands for a list of one.
  func list(_ annotation: Annotation) throws(TraceDecoder.Damage) -> [UnsafeBufferPointer<UInt8>] {
    if has(annotation), case .text(let bytes) = values[Int(annotation.rawValue)] { return [bytes] }
    guard has(annotation), case .list(let bytes) = values[Int(annotation.rawValue)] else { throw TraceDecoder.Damage() }
    var result: [UnsafeBufferPointer<UInt8>] = []
    var elements = PacketReader(bytes)
    while let (number, value) = elements.field() {
      guard number == 12, case .bytes(let element) = value else { continue }
      var fields = PacketReader(element)
      guard case (6, .bytes(let text))? = fields.field() else { throw TraceDecoder.Damage() }
      result.append(text)
    }
    return result
  }
}
