/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

#include <assert.h>

/*
 * Who may do what to which entity: DMTF's privilege registry (as bmcweb generates its own table from it, August 2026), without its overrides by place in the
 * tree (those of certificates and of logs below a chassis or system, which this service has not). Any one privilege of a cell will do; Self: of one's own only.
 */
#define LOGIN PL_MAY_LOGIN
#define MANAGER PL_MAY_CONFIGURE_MANAGER
#define USERS PL_MAY_CONFIGURE_USERS
#define COMPONENTS PL_MAY_CONFIGURE_COMPONENTS
#define SELF PL_MAY_CONFIGURE_SELF

#define OF_COMPONENTS(X) \
  X(AccelerationFunction) X(AccelerationFunctionCollection) X(AddressPool) X(AddressPoolCollection) X(Application) X(ApplicationCollection) X(Assembly) \
  X(Bios) X(BootOption) X(BootOptionCollection) X(Cable) X(CableCollection) X(Chassis) X(ChassisCollection) X(Circuit) X(CircuitCollection) \
  X(ComputerSystem) X(ComputerSystemCollection) X(Connection) X(ConnectionCollection) X(Container) X(ContainerCollection) X(ContainerImage) \
  X(ContainerImageCollection) X(CoolantConnector) X(CoolantConnectorCollection) X(CoolingLoop) X(CoolingLoopCollection) X(CoolingUnit) \
  X(CoolingUnitCollection) X(CXLLogicalDevice) X(CXLLogicalDeviceCollection) X(Drive) X(DriveCollection) X(DriveMetrics) X(Endpoint) X(EndpointCollection) \
  X(EndpointGroup) X(EndpointGroupCollection) X(EthernetInterface) X(EthernetInterfaceCollection) X(Fabric) X(FabricCollection) X(FabricAdapter) \
  X(FabricAdapterCollection) X(Facility) X(FacilityCollection) X(Filter) X(FilterCollection) X(GraphicsController) X(GraphicsControllerCollection) \
  X(LeakDetection) X(LeakDetector) X(LeakDetectorCollection) X(MediaController) X(MediaControllerCollection) X(Memory) X(MemoryCollection) X(MemoryChunks) \
  X(MemoryChunksCollection) X(MemoryDomain) X(MemoryDomainCollection) X(MemoryMetrics) X(MemoryRegion) X(MemoryRegionCollection) X(NetworkAdapter) \
  X(NetworkAdapterCollection) X(NetworkDeviceFunction) X(NetworkDeviceFunctionCollection) X(NetworkInterface) X(NetworkInterfaceCollection) X(NetworkPort) \
  X(NetworkPortCollection) X(OperatingConfig) X(OperatingConfigCollection) X(OperatingSystem) X(Outlet) X(OutletCollection) X(OutletGroup) \
  X(OutletGroupCollection) X(PCIeDevice) X(PCIeDeviceCollection) X(PCIeFunction) X(PCIeFunctionCollection) X(PCIeSlots) X(Port) X(PortCollection) \
  X(PortMetrics) X(PowerDistribution) X(PowerDistributionCollection) X(PowerDistributionMetrics) X(Processor) X(ProcessorCollection) X(ProcessorMetrics) \
  X(Pump) X(PumpCollection) X(Reservoir) X(ReservoirCollection) X(ResourceBlock) X(ResourceBlockCollection) X(RouteEntry) X(RouteEntryCollection) \
  X(RouteSetEntry) X(RouteSetEntryCollection) X(SecureBoot) X(SecureBootDatabase) X(SecureBootDatabaseCollection) X(Sensor) X(SensorCollection) \
  X(Signature) X(SignatureCollection) X(SimpleStorage) X(SimpleStorageCollection) X(SoftwareInventory) X(SoftwareInventoryCollection) X(Storage) \
  X(StorageCollection) X(StorageController) X(StorageControllerCollection) X(StorageControllerMetrics) X(Switch) X(SwitchCollection) X(SwitchMetrics) \
  X(UpdateService) X(USBController) X(USBControllerCollection) X(VCATEntry) X(VCATEntryCollection) X(Volume) X(VolumeCollection) X(Zone) X(ZoneCollection)
#define OF_MANAGER(X) \
  X(ActionInfo) X(AggregationService) X(AggregationSource) X(AggregationSourceCollection) X(AllowDeny) X(AllowDenyCollection) X(AttributeRegistry) \
  X(Battery) X(BatteryCollection) X(BatteryMetrics) X(CertificateService) X(ComponentIntegrity) X(ComponentIntegrityCollection) X(CompositionReservation) \
  X(CompositionReservationCollection) X(CompositionService) X(ConnectionMethod) X(ConnectionMethodCollection) X(Control) X(ControlCollection) \
  X(EnvironmentMetrics) X(EventService) X(ExternalAccountProvider) X(ExternalAccountProviderCollection) X(Fan) X(FanCollection) X(Heater) \
  X(HeaterCollection) X(HeaterMetrics) X(HostInterface) X(HostInterfaceCollection) X(Job) X(JobCollection) X(JobService) X(JsonSchemaFile) \
  X(JsonSchemaFileCollection) X(Key) X(KeyCollection) X(KeyPolicy) X(KeyPolicyCollection) X(KeyService) X(License) X(LicenseCollection) X(LicenseService) \
  X(LogEntry) X(LogEntryCollection) X(LogService) X(LogServiceCollection) X(Manager) X(ManagerCollection) X(ManagerDiagnosticData) \
  X(ManagerNetworkProtocol) X(MessageRegistry) X(MessageRegistryFile) X(MessageRegistryFileCollection) X(MetricDefinition) X(MetricDefinitionCollection) \
  X(MetricReport) X(MetricReportCollection) X(MetricReportDefinition) X(MetricReportDefinitionCollection) X(NetworkAdapterMetrics) \
  X(NetworkDeviceFunctionMetrics) X(OutboundConnection) X(OutboundConnectionCollection) X(Power) X(PowerDomain) X(PowerDomainCollection) X(PowerEquipment) \
  X(PowerSubsystem) X(PowerSupply) X(PowerSupplyCollection) X(PowerSupplyMetrics) X(PrivilegeRegistry) X(Role) X(RoleCollection) X(SecurityPolicy) \
  X(SerialInterface) X(SerialInterfaceCollection) X(ServiceConditions) X(SessionService) X(Task) X(TaskCollection) X(TaskService) X(TelemetryService) \
  X(Thermal) X(ThermalEquipment) X(ThermalMetrics) X(ThermalSubsystem) X(Triggers) X(TriggersCollection) X(TrustedComponent) X(TrustedComponentCollection) \
  X(VLanNetworkInterface) X(VLanNetworkInterfaceCollection) X(VirtualMedia) X(VirtualMediaCollection)
#define COMPONENTS_ROW(name) {#name, LOGIN, COMPONENTS, COMPONENTS, COMPONENTS},
#define MANAGER_ROW(name) {#name, LOGIN, MANAGER, MANAGER, MANAGER},

static const struct pl_entity ENTITIES[] = { /* read, PATCH, POST, DELETE */
    {"AccountService", LOGIN, USERS, USERS, USERS},
    {"Aggregate", LOGIN, MANAGER | COMPONENTS, MANAGER | COMPONENTS, MANAGER | COMPONENTS},
    {"AggregateCollection", LOGIN, MANAGER | COMPONENTS, MANAGER | COMPONENTS, MANAGER | COMPONENTS},
    {"Certificate", MANAGER, MANAGER, MANAGER, MANAGER},
    {"CertificateCollection", MANAGER, MANAGER, MANAGER, MANAGER},
    {"CertificateLocations", MANAGER, MANAGER, MANAGER, MANAGER},
    {"EventDestination", LOGIN, MANAGER | SELF, MANAGER | SELF, MANAGER | SELF},
    {"EventDestinationCollection", LOGIN, MANAGER | COMPONENTS, MANAGER | COMPONENTS, MANAGER | COMPONENTS},
    {"ManagerAccount", MANAGER | USERS | SELF, USERS, USERS, USERS},
    {"ManagerAccountCollection", LOGIN, USERS, USERS, USERS},
    {"RegisteredClient", LOGIN, MANAGER | SELF, MANAGER | SELF, MANAGER | SELF},
    {"RegisteredClientCollection", LOGIN, MANAGER | COMPONENTS, MANAGER | COMPONENTS, MANAGER | COMPONENTS},
    {"ServiceRoot", LOGIN, MANAGER, MANAGER, MANAGER},
    {"Session", MANAGER | SELF, MANAGER, MANAGER, MANAGER | SELF},
    {"SessionCollection", LOGIN, MANAGER, LOGIN, MANAGER},
    OF_COMPONENTS(COMPONENTS_ROW) OF_MANAGER(MANAGER_ROW)
    /* Not in the registry, since of no schema. */
    {"Plain", LOGIN, MANAGER, MANAGER, MANAGER}, /* $metadata, odata, /redfish, a file: read only, whoever may read the rest */
};

const struct pl_entity *pl_entities(size_t *count)
{
  *count = sizeof ENTITIES / sizeof ENTITIES[0];
  return ENTITIES;
}

const struct pl_entity *pl_entity_find(const char *name, size_t length)
{
  for (size_t i = 0; i < sizeof ENTITIES / sizeof ENTITIES[0]; i++)
    if (!strncmp(ENTITIES[i].name, name, length) && !ENTITIES[i].name[length])
      return &ENTITIES[i];
  return NULL;
}

/* One that is in no table is the administrator's alone: never open by having been forgotten. */
const struct pl_entity *pl_entity_of(const struct pl_route *route)
{
  static const struct pl_entity UNKNOWN = {"", MANAGER, MANAGER, MANAGER, MANAGER};
  const struct pl_entity *entity = pl_entity_find(route->type, strcspn(route->type, "."));
  return entity ? entity : &UNKNOWN;
}

bool pl_entity_allows(const struct pl_entity *entity, unsigned method, unsigned privileges, bool own)
{
  unsigned need = method & (PL_METHOD_GET | PL_METHOD_HEAD) ? entity->get
                  : method == PL_METHOD_PATCH               ? entity->patch
                  : method == PL_METHOD_POST                ? entity->post
                  : method == PL_METHOD_DELETE              ? entity->remove
                                                            : 0;
  if (!own)
    need &= ~(unsigned)SELF;
  return (need & privileges) != 0;
}

static const struct {
  const char *name;
  unsigned bit;
} PRIVILEGES[] = {{"Login", LOGIN}, {"ConfigureManager", MANAGER}, {"ConfigureUsers", USERS}, {"ConfigureComponents", COMPONENTS}, {"ConfigureSelf", SELF}};

unsigned pl_privilege_find(const char *name)
{
  for (size_t i = 0; i < sizeof PRIVILEGES / sizeof PRIVILEGES[0]; i++)
    if (!strcmp(PRIVILEGES[i].name, name))
      return PRIVILEGES[i].bit;
  return 0;
}

const char *pl_privilege_name(unsigned privilege)
{
  for (size_t i = 0; i < sizeof PRIVILEGES / sizeof PRIVILEGES[0]; i++)
    if (PRIVILEGES[i].bit == privilege)
      return PRIVILEGES[i].name;
  return NULL;
}
