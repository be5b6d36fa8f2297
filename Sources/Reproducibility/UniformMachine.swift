/// What every machine is to a guest that is to give the same bytes on all of them.
public struct UniformMachine: Sendable, Equatable {
  /// How many processors there are.
  public var processors = 1

  public init() {}
}
