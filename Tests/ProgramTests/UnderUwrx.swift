import Testing

/// Everything that starts uwrx with real programs, one after another: most of them keep two cores busy on their own, a
/// fork bomb disturbs its neighbours, and what a run left behind can only be told while no other one is going on.
@Suite("Under uwrx", .serialized)
enum UnderUwrx {}
