"""Names of emotions in the wild: every spelling that the package knows, and the emotion that it names."""

from __future__ import annotations

EMOTIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
"""The seven emotions of the embedded corpus: the labels of `EMOLAB_7`."""

OTHERS = (
    "calm",
    "contemptuous",
    "excited",
    "frustrated",
    "bored",
    "anxious",
    "helpless",
    "disappointed",
    "trusting",
    "anticipating",
)
"""Emotions beyond the seven that public corpora or Plutchik's circle name."""

_FORMS = {
    "neutral": "neutrality neutrally unemotional emotionless impassive 中性 中立 平静中性 NEU N",
    "happy": "happiness happily happier joy joyful joyous joyfully cheerful cheerfully cheerfulness glad "
    "gladly gladness delighted delight pleased merry elated elation hap 高兴 快乐 开心 喜悦 愉快 愉悦 幸福 欢喜",
    "sad": "sadness sadly sadder saddened sorrow sorrowful unhappy unhappiness melancholy melancholic mournful "
    "grief grieving depressed dejected gloomy 悲伤 伤心 难过 悲痛 忧伤 悲哀 忧郁",
    "angry": "anger angrily angered angrier mad furious fury enraged rage irate annoyed annoyance irritated "
    "ang 生气 愤怒 恼怒 恼火 气愤 发怒",
    "fearful": "fear fearfully afraid scared frightened fright terrified terror scary panicked panic fea "
    "害怕 恐惧 恐慌 惊恐 畏惧",
    "disgusted": "disgust disgusting disgustedly disgustful revolted revulsion repulsed repulsion dis "
    "厌恶 反感 嫌弃 恶心",
    "surprised": "surprise surprising surprisingly surprisedly astonished astonishment amazed amazement startled ps "
    "pleasant_surprise pleasant_surprised pleasantly_surprised sur 惊讶 吃惊 惊喜 惊奇 诧异 惊异",
    "calm": "calmness calmly calmed relaxed peaceful serene 平静 冷静",
    "contemptuous": "contempt contemptuously scorn scornful disdain disdainful 蔑视 轻蔑 鄙视 不屑",
    "excited": "excitement excitedly exc thrilled enthusiastic enthusiasm 兴奋 激动",
    "frustrated": "frustration frustrating fru exasperated 挫败 受挫",
    "bored": "boredom boring 无聊 厌倦",
    "anxious": "anxiety anxiously worried worry worrying nervous nervousness uneasy 焦虑 担心 担忧 忧虑 紧张 不安",
    "helpless": "helplessness helplessly 无助 无奈",
    "disappointed": "disappointment disappointing disappointedly 失望",
    "trusting": "trust trusted 信任",
    "anticipating": "anticipation 期待",
}
ALIASES: dict[str, str] = {
    form.lower().replace("_", " "): emotion
    for emotion, forms in _FORMS.items()
    for form in (emotion, *forms.split())
    if len(form) > 1
}
"""Every spelling that names an emotion, lower case, to that emotion: inflections, synonyms, corpus codes.

The Chinese names are our own translations. Among them are the labels that ESD (中立, 惊喜), EmotionTalk, MER and MAFW
publish or are described with in Chinese."""

EDGES = " \t\r\n.,;:!?\"'`*_()[]{}-–—…“”‘’「」『』《》【】（）。，！？：；、"
"""Characters around a name that do not count."""


def plain(name: str) -> str:
    """A name in the form in which names are compared: lower case, no punctuation around it, single spaces."""
    return " ".join(name.lower().strip(EDGES).replace("_", " ").split())


def concept(name: str) -> str | None:
    """The emotion that a spelling names ("joy" → "happy", "Fear." → "fearful"), or None."""
    return ALIASES.get(plain(name))
