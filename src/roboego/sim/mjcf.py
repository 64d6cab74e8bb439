"""A scene as MuJoCo's XML: the table, its things, the arm with its gripper, the cameras."""
# Metres, seconds, newtons; x to the right, y away from Ego, z up; the middle of the table's top is the origin.

import io
import math
from xml.sax.saxutils import quoteattr

import numpy as np

from roboego.sim.labels import label_image
from roboego.sim.scene import Scene
from roboego.sim.things import COLORS, WALL_M, Thing

TIMESTEP_S = 0.002
REACH_M = ((-0.32, 0.32), (-0.30, 0.21), (0.006, 0.30))
"""How far the fingertips go: x, y and z."""
HOME_M = (0.0, 0.20, 0.28)
"""Where the fingertips are when the arm rests: out of the camera's way."""
OPEN_M = 0.058
"""How far each finger goes from the middle."""
CAMERA_M, CAMERA_LOOKS_AT_M, CAMERA_DEGREES = (0.0, -0.55, 0.52), (0.0, 0.0, 0.02), 39.0
FINGERTIP_M = (0.004, 0.010, 0.016)
"""Half of a finger's pad: thick, broad, high."""
_PALM_M = 0.085
_CONE_SIDES, _BOWL_SIDES = 20, 16


def mjcf(scene: Scene) -> tuple[str, dict[str, bytes]]:
    """The XML, and the pictures of the labels that it names."""
    assets = {f"label{i}.png": label_picture(p.thing) for i, p in enumerate(scene.things) if p.thing.label}
    things = "\n".join(_thing(scene, i) for i in range(len(scene.things)))
    sensors = "\n".join(f'<touch name="pad_{side}" site="pad_{side}"/>' for side in ("left", "right"))
    brightness, side = scene.light
    rgb = " ".join(f"{c:.3f}" for c in scene.table)
    xml = f"""
<mujoco model="table">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP_S}" integrator="implicitfast" cone="elliptic" impratio="5"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <quality shadowsize="1024" offsamples="2"/>
    <headlight ambient="0.25 0.25 0.25" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <map znear="0.05" zfar="10"/>
  </visual>
  <asset>
    {_cone_meshes()}
    {"".join(_label_material(i) for i, p in enumerate(scene.things) if p.thing.label)}
  </asset>
  <default>
    <geom friction="1.0 0.01 0.001" solref="0.008 1" condim="4"/>
    <default class="pad"><geom friction="1.6 0.02 0.001" solref="0.006 1" rgba="0.2 0.2 0.22 1"/></default>
    <default class="look"><geom contype="0" conaffinity="0" group="1" rgba="0.75 0.76 0.78 1"/></default>
  </default>
  <worldbody>
    <light pos="{0.5 * side:.3f} -0.2 1.2" dir="{-0.4 * side:.3f} 0.15 -1" diffuse="{brightness:.3f} {brightness:.3f} {brightness:.3f}"
      specular="0.1 0.1 0.1" castshadow="true"/>
    <geom name="floor" type="plane" pos="0 0 -0.4" size="3 3 0.1" rgba="0.35 0.36 0.38 1"/>
    <geom name="table" type="box" pos="0 0 -0.02" size="0.42 0.32 0.02" rgba="{rgb} 1"/>
    <camera name="eye" {_camera(scene)} fovy="{CAMERA_DEGREES}"/>
    {_arm()}
    {things}
  </worldbody>
  <equality><joint joint1="finger_left" joint2="finger_right" polycoef="0 1 0 0 0"/></equality>
  <actuator>
    <position name="x" joint="x" kp="3000" kv="160" ctrlrange="{REACH_M[0][0]} {REACH_M[0][1]}" forcerange="-60 60"/>
    <position name="y" joint="y" kp="3000" kv="160" ctrlrange="{REACH_M[1][0]} {REACH_M[1][1]}" forcerange="-60 60"/>
    <position name="z" joint="z" kp="3000" kv="160" ctrlrange="{REACH_M[2][0]} {REACH_M[2][1]}" forcerange="-60 60"/>
    <position name="grip" joint="finger_left" kp="700" kv="30" ctrlrange="0 {OPEN_M}" forcerange="-20 20"/>
  </actuator>
  <sensor>{sensors}</sensor>
</mujoco>"""
    return xml, assets


def label_picture(thing: Thing) -> bytes:
    """A thing's label as it is printed, as a PNG."""
    wide, high = _plate_m(thing)
    out = io.BytesIO()
    label_image(thing.label, wide / high).save(out, "PNG")
    return out.getvalue()


def _camera(scene: Scene) -> str:
    """A camera's place and axes: it looks at the middle of the table wherever it was moved to."""
    at = np.asarray(CAMERA_M) + np.asarray(scene.camera)
    back = at - np.asarray(CAMERA_LOOKS_AT_M)
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    return f'pos="{_numbers(at)}" xyaxes="{_numbers(right)} {_numbers(up)}"'


def _arm() -> str:
    """Three slides that carry the hand, and two fingers; the joints are the fingertips' place and each finger's way from the middle."""
    half, shaft = FINGERTIP_M, (_PALM_M - 2 * FINGERTIP_M[2]) / 2 + 0.004
    finger = f"""
      <body name="finger_{{side}}" pos="0 0 0">
        <joint name="finger_{{side}}" type="slide" axis="{{sign}} 0 0" range="0 {OPEN_M}" damping="4" armature="0.02"/>
        <geom class="pad" name="pad_{{side}}" type="box" pos="{{out}} 0 {half[2] - 0.004}" size="{_numbers(half)}" mass="0.03"/>
        <geom class="look" type="box" pos="{{out}} 0 {(half[2] * 2 + _PALM_M) / 2:.4f}" size="0.004 0.006 {shaft:.4f}" mass="0.02"/>
        <site name="pad_{{side}}" type="box" pos="{{out}} 0 {half[2] - 0.004}" size="{_numbers([h + 0.001 for h in half])}" rgba="0 0 0 0"/>
      </body>"""
    fingers = "".join(finger.format(side=side, sign=sign, out=f"{sign * half[0]:.4f}") for side, sign in (("left", -1), ("right", 1)))
    slides = "".join(
        f'<joint name="{name}" type="slide" axis="{axis}" range="{low - 0.01} {high + 0.01}" damping="5" armature="0.3"/>'
        for name, axis, (low, high) in zip("xyz", ("1 0 0", "0 1 0", "0 0 1"), REACH_M, strict=True)
    )
    return f"""
    <body name="hand" pos="0 0 0" gravcomp="1">
      {slides}
      <site name="tip" pos="0 0 0" size="0.002" rgba="0 0 0 0"/>
      <geom class="look" type="box" pos="0 0 {_PALM_M + 0.008}" size="{OPEN_M + 0.012} 0.014 0.010" mass="0.3" rgba="0.3 0.32 0.36 1"/>
      <geom class="look" type="capsule" fromto="0 0 {_PALM_M + 0.02} 0 0 {_PALM_M + 0.5}" size="0.012" mass="0.2"/>
      {fingers.replace("<body ", '<body gravcomp="1" ')}
    </body>"""


def _thing(scene: Scene, i: int) -> str:
    placed = scene.things[i]
    half = placed.thing.height_m / 2
    pos = f"{placed.x:.4f} {placed.y:.4f} {scene.height_m(i) + half + 0.0005:.4f}"
    return f"""
    <body name="thing{i}" pos="{pos}" euler="0 0 {placed.turn:.4f}">
      <joint name="thing{i}" type="free" damping="0.0003"/>
      {_geoms(placed.thing, i)}
    </body>"""


def _geoms(thing: Thing, i: int) -> str:
    red, green, blue = COLORS[thing.color]
    feel = 'solref="0.05 1" solimp="0.3 0.9 0.012"' if thing.soft else ""
    look = f'rgba="{red} {green} {blue} 1" {feel}'
    r, h = thing.radius_m, thing.height_m / 2
    match thing.shape:
        case "cube":
            solid = f'<geom type="box" size="{r} {r} {h}" mass="{thing.mass_kg:.4f}" {look}/>'
        case "ball":
            solid = f'<geom type="sphere" size="{r}" mass="{thing.mass_kg:.4f}" condim="6" friction="1.0 0.01 0.003" {look}/>'
        case "cylinder":
            solid = f'<geom type="cylinder" size="{r} {h}" mass="{thing.mass_kg:.4f}" {look}/>'
        case "cone":
            solid = f'<geom type="mesh" mesh="cone_{thing.size}" mass="{thing.mass_kg:.4f}" {look}/>'
        case "bowl":
            solid = _bowl(thing, look)
        case "box":
            solid = _box(thing, look)
    return solid + (_label(thing, i) if thing.label else "")


def _cone_meshes() -> str:
    meshes = []
    for name in ("small", "big"):
        thing = Thing(shape="cone", color="red", size=name)
        r, h = thing.radius_m, thing.height_m
        # A blunt tip, on which contacts can rest. (MuJoCo puts a mesh's middle, a third of the way up, where the geom is.)
        turns = [2 * math.pi * k / _CONE_SIDES for k in range(_CONE_SIDES)]
        points = [(r * math.cos(a), r * math.sin(a), -h / 2) for a in turns] + [
            (0.004 * math.cos(a), 0.004 * math.sin(a), h / 2) for a in turns
        ]
        meshes.append(f'<mesh name="cone_{name}" vertex="{" ".join(f"{v:.5f}" for p in points for v in p)}"/>')
    return "".join(meshes)


def _bowl(thing: Thing, look: str) -> str:
    """A floor and a ring of walls that lean outwards."""
    r, h = thing.radius_m, thing.height_m / 2
    mass = thing.mass_kg / (_BOWL_SIDES + 1)
    parts = [f'<geom type="cylinder" pos="0 0 {-h + 0.002:.4f}" size="{0.8 * r:.4f} 0.002" mass="{mass:.5f}" {look}/>']
    for k in range(_BOWL_SIDES):
        turn = 2 * math.pi * k / _BOWL_SIDES
        out = 0.9 * r - WALL_M / 2
        place = f"{out * math.cos(turn):.4f} {out * math.sin(turn):.4f} 0"
        size = f"{WALL_M / 2} {out * math.tan(math.pi / _BOWL_SIDES) * 1.12:.4f} {h:.4f}"
        lean = math.atan2(0.2 * r, 2 * h)
        parts.append(f'<geom type="box" pos="{place}" quat="{_leaning(turn, lean)}" size="{size}" mass="{mass:.5f}" {look}/>')
    return "".join(parts)


def _leaning(turn: float, lean: float) -> str:
    """A turn around the vertical, after one around y that leans a wall's top outwards, as a quaternion."""
    a, b = turn / 2, lean / 2
    return _numbers([math.cos(a) * math.cos(b), -math.sin(a) * math.sin(b), math.cos(a) * math.sin(b), math.sin(a) * math.cos(b)])


def _box(thing: Thing, look: str) -> str:
    r, h, w = thing.radius_m, thing.height_m / 2, WALL_M / 2
    mass = thing.mass_kg / 5
    parts = [f'<geom type="box" pos="0 0 {-h + w:.4f}" size="{r} {r} {w}" mass="{mass:.5f}" {look}/>']
    for x, y, a, b in ((r - w, 0, w, r), (-r + w, 0, w, r), (0, r - w, r, w), (0, -r + w, r, w)):
        parts.append(f'<geom type="box" pos="{x:.4f} {y:.4f} 0" size="{a:.4f} {b:.4f} {h:.4f}" mass="{mass:.5f}" {look}/>')
    return "".join(parts)


def _label_material(i: int) -> str:
    return (
        f'<texture name="label{i}" type="2d" file="label{i}.png"/><material name="label{i}" texture="label{i}" specular="0" shininess="0"/>'
    )


def _label(thing: Thing, i: int) -> str:
    """A thin plate that nearly fills the side that faces Ego."""
    wide, high = _plate_m(thing)
    return (
        f'<geom class="look" type="box" pos="0 {-thing.radius_m - 0.0006:.4f} 0" quat="0.7071068 0.7071068 0 0" '
        f'size="{wide:.4f} {high:.4f} 0.0005" mass="0.0001" rgba="1 1 1 1" material={quoteattr(f"label{i}")}/>'
    )


def _plate_m(thing: Thing) -> tuple[float, float]:
    """Half of a label's width and height."""
    return 0.93 * thing.radius_m, 0.93 * thing.height_m / 2


def _numbers(values: object) -> str:
    return " ".join(f"{v:.5f}" for v in values)  # type: ignore[attr-defined]
