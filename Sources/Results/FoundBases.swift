import Supervisor
import Tracing

/// What stood below where runs have changed something.
struct FoundBases {
  private var bases: [(layer: Int, bases: LowerBases)] = []
  private let view: MergedView
  private let hasManyRuns: Bool

  /// - Parameter runs: the layers of those whose changes are wanted, from the top.
  init(_ layers: RunLayers, _ view: MergedView, runs: [Int]) throws(TraceError) {
    self.view = view
    for layer in runs {
      guard case .run(let trace) = layers.layers[layer].owner else { continue }
      bases.append((layer, try trace.lowerBases()))
    }
    hasManyRuns = runs.count > 1
  }

  /// - Parameter path: without a leading slash.
  /// - Returns: nil if nothing was there.
  subscript(path: [UInt8]) -> LowerBases.Base? {
    for (layer, bases) in bases {
      if let base = bases[path] {
        // What a run found of another that is wanted, too, is what that one found.
        if hasManyRuns, base.origin == .run { continue }
        return base
      }
      if hasManyRuns, (try? view.layers[layer].tree.entry(MergedView.cString(path))) != nil { return nil }
    }
    return nil
  }
}
