package dev.berth.testkit;

/**
 * The whole contract of a sandbox, as tests on real sandboxes. A provider's integration test
 * implements it, and so passes the same tests, of the same number, as every other provider:
 *
 * <pre>{@code
 * class BoatContractIT implements SandboxContract {
 *   public SandboxProvider open() { return new BoatFactory().create(ConfigSection.empty("boat")); }
 *   public SandboxSpec spec() { return SandboxSpec.of("/images/debian"); }
 *   public Set<Trait> traits() { return EnumSet.of(Trait.ISOLATED, Trait.ENDPOINTS, Trait.TERMINALS, Trait.RECONNECT); }
 *   public void kill(Sandbox sandbox) { ProcessHandle.of(pidOf(sandbox.id())).ifPresent(ProcessHandle::destroyForcibly); }
 *   public List<String> leftovers(String id) {
 *     List<String> found = new ArrayList<>(HostProcesses.naming(id));
 *     if (Files.exists(Path.of("/var/boat", id))) found.add("folder of " + id);
 *     return found;
 *   }
 * }
 * }</pre>
 *
 * <p>What a provider cannot do it leaves out of {@link ContractSubject#traits()}; the tests then
 * ask for the documented refusal instead of being skipped. Each theme can also be implemented
 * alone. One sandbox is shared by all tests of a class that do not end or change it.
 *
 * <p>The tests run commands in the sandbox that make and remove folders below {@code /tmp}, start
 * loops that end by themselves within a minute, and need no root rights; so a provider without any
 * isolation can be tested on a developer's own machine.
 */
public interface SandboxContract
    extends ExecContract,
        ArgumentContract,
        EnvironmentContract,
        UserContract,
        OutputContract,
        StreamContract,
        TimeoutContract,
        BackgroundContract,
        TerminalContract,
        TransferContract,
        TreeContract,
        EndpointContract,
        IsolationContract,
        CreateContract,
        StopContract,
        LossContract,
        LeaseContract,
        ReconnectContract,
        HostileCommandContract,
        HostileFilesContract {}
